/**
 * What crosses a border: between kernel and page, and within the page between the
 * widget and the Lab extension. Field names are the same words in Python.
 *
 * Numbers that JSON does not know are the strings 'nan', 'inf' and '-inf'.
 */

/** The MIME type of the output of a run's cell. */
export const VIEW_MIME = 'application/vnd.notebook-automl.view+json';

/** The MIME type by which ipywidgets names the model of a live widget. */
export const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';

/** The version of what is described here; told in both greetings. */
export const PROTOCOL = 1;

/** Comm opened by the kernel: it writes, the page reads. */
export const KERNEL_TARGET = 'notebook_automl.kernel';

/** Comm opened by the page: it writes, the kernel reads and never answers on it. */
export const PAGE_TARGET = 'notebook_automl.page';

/** The DOM event by which the widget asks the Lab extension to send for it. */
export const SEND_EVENT = 'notebook-automl:send';

export type JSONNumber = number | 'nan' | 'inf' | '-inf';

// Kernel to page -----------------------------------------------------------------

/** The data with which the kernel opens its comm. */
export interface KernelHello {
  protocol: number;
  version: string;
}

/** Where something stands: a cell by its id. */
export interface Anchor {
  cell: string | null;
}

export interface CellSpec {
  /** Stable within an export; a cell of the same part is replaced in place. */
  part: string;
  type: 'code' | 'markdown';
  source: string;
}

export interface FindRequest {
  op: 'find';
  request: string;
  anchor: Anchor;
}

export interface InsertRequest {
  op: 'insert';
  request: string;
  page: string;
  /** Stable id of what is inserted. */
  export: string;
  anchor: Anchor;
  cells: CellSpec[];
  undoable: boolean;
  run: boolean;
}

/** Asks for a cell of an earlier insertion; the page that holds the anchor replies. */
export interface ReadRequest {
  op: 'read';
  request: string;
  anchor: Anchor;
  export: string;
  part: string;
}

export interface WatchRequest {
  op: 'watch';
  request: string;
  page: string;
  cell: string;
}

export interface WriteRequest {
  op: 'write';
  request: string;
  page: string;
  cell: string;
  /** What the kernel takes the cell for: a person's newer edit is not lost. */
  was: string;
  source: string;
}

export interface StillRequest {
  op: 'still';
  request: string;
  handle: string;
  /** Entries by MIME type that replace those of the output. */
  data: Record<string, string | object>;
}

export interface NoticeRequest {
  op: 'notice';
  request: string;
  kind: 'success' | 'error' | 'info';
  message: string;
  run: string;
}

export type KernelMessage =
  | FindRequest
  | InsertRequest
  | ReadRequest
  | WatchRequest
  | WriteRequest
  | StillRequest
  | NoticeRequest;

// Page to kernel -----------------------------------------------------------------

/** The data with which the page opens its comm. */
export interface Hello {
  op: 'hello';
  protocol: number;
  version: string;
  /** uuid of this page and this connection. */
  page: string;
  /** For instance 'JupyterLab 4.6.6'. */
  app: string;
  /** The notebook, as its server names it. */
  path: string;
}

export interface FoundReply {
  op: 'reply';
  request: string;
  page: string;
  ok: true;
  cell: string;
}

export interface InsertedReply {
  op: 'reply';
  request: string;
  page: string;
  ok: true;
  /** Ids in order. */
  cells: string[];
  inserted: number;
  replaced: number;
  kept: number;
  removed: number;
}

export interface ReadReply {
  op: 'reply';
  request: string;
  page: string;
  ok: true;
  /** null: there is no such cell. */
  cell: string | null;
  source: string | null;
}

export interface DoneReply {
  op: 'reply';
  request: string;
  page: string;
  ok: true;
}

export interface FailedReply {
  op: 'reply';
  request: string;
  page: string;
  ok: false;
  error: string;
  /** What stands in the cell that was not written. */
  source?: string;
}

export type Reply = FoundReply | InsertedReply | ReadReply | DoneReply | FailedReply;

/** A watched cell was changed by somebody else than us. */
export interface SourceMessage {
  op: 'source';
  page: string;
  cell: string;
  /** null: the cell was deleted. */
  source: string | null;
}

/** What a widget said, passed on. */
export interface WidgetMessage {
  op: 'widget';
  handle: string;
  page: string;
  /** The cell in whose output the widget stands. */
  cell: string | null;
  content: WidgetContent;
}

export type PageMessage = Reply | SourceMessage | WidgetMessage;

// Widget to kernel ---------------------------------------------------------------

/** The detail of a SEND_EVENT. */
export interface SendDetail {
  handle: string;
  content: WidgetContent;
}

export type TrialChoice = number | 'best';

export type WidgetContent = ViewContent | PanelContent;

export type ViewContent =
  | { do: 'ready' }
  | { do: 'stop' | 'pause' | 'resume'; request: string }
  | { do: 'extend'; minutes: number; request: string }
  | { do: 'extend'; trials: number; request: string }
  | { do: 'insert' | 'export'; trial: TrialChoice; request: string };

export type PanelContent =
  | { do: 'ready' }
  | { do: 'refresh' }
  | { do: 'start'; request: string }
  | { do: 'set'; field: string; value: FieldValue | null; request: string };

// Kernel to widget ---------------------------------------------------------------

/** The synced traits of the widget. */
export interface WidgetState {
  handle: string;
  kind: 'view' | 'panel';
}

export type RunStatus =
  | 'starting'
  | 'running'
  | 'paused'
  | 'completed'
  | 'stopped'
  | 'failed'
  | 'interrupted'
  | 'deleted';

export interface RunLine {
  name: string;
  status: RunStatus;
  /** What it does while it starts, say 'loading Keras'. */
  stage: string;
  /** Why it ended, or what to do. */
  note: string;
  metric: string;
  mode: 'max' | 'min';
  /** Names of all metrics that the epochs have; the list only grows. */
  metrics: string[];
  task: string;
  target: string;
  spent_s: number;
  /** The page counts spent_s on by itself, from the frame's sent_s. */
  clock_runs: boolean;
  minutes: number | null;
  trials: number | null;
  device: string;
  workers: number;
  /** Number of the best trial. */
  best: number | null;
  /** Numbers of the trials whose trained models are kept. */
  models: number[];
  started_s: number | null;
  /** Notices of one line each, say a mismatch of versions. */
  lines: string[];
}

export type TrialState =
  'running' | 'completed' | 'stopped' | 'pruned' | 'skipped' | 'failed' | 'interrupted';

/** What stands on the leaderboard: a trial, or what trials are compared with. */
export type EntryRole = 'trial' | 'baseline' | 'ensemble';

export interface TrialRow {
  /** Below 0 for an entry that is no trial. */
  trial: number;
  role: EntryRole;
  /** Of an entry that is no trial. */
  name: string;
  state: TrialState;
  objective: JSONNumber | null;
  /** The objective's standard deviation over folds; null where there are none. */
  spread: JSONNumber | null;
  test: JSONNumber | null;
  epochs: number;
  /** 0 unless it is running. */
  planned: number;
  seconds: number;
  started_s: number | null;
  ended_s: number | null;
  parameters: number | null;
  /** Operations of one sample's way forward through the model. */
  flops: number | null;
  memory_mib: number | null;
  best_epoch: number | null;
  reason: string;
  worker: string;
  values: Record<string, number | string | boolean | null>;
}

/**
 * Comes with one buffer of Float32, little endian: for each of its pieces of curves
 * [trial, first epoch, how many epochs]; then for each of its columns the values of
 * all pieces, one after the other.
 */
export interface Frame {
  kind: 'frame';
  /** Forget what came before. */
  reset: boolean;
  /** Part of everything told once more: nothing of it is news. */
  again: boolean;
  /** The next frame belongs to the same picture, and follows at once. */
  more: boolean;
  sent_s: number;
  run: RunLine;
  /** Those that changed since the last frame. */
  trials: TrialRow[];
  /** The metrics in the buffer, in order. */
  columns: string[];
  /** How many pieces of curves are in the buffer. */
  pieces: number;
}

export interface Answer {
  kind: 'answer';
  request: string;
  ok: boolean;
  message: string;
}

export type FieldValue = string | number | boolean;

export interface FieldChoice {
  value: FieldValue;
  label: string;
  detail: string;
}

export interface Field {
  name: string;
  label: string;
  kind: 'choice' | 'int' | 'float' | 'text';
  choices: FieldChoice[] | null;
  default: FieldValue | null;
  help: string;
  /** What the default stands for. */
  proposed: FieldValue | null;
  group: 'main' | 'more';
  /** Shape and types of what is chosen. */
  detail: string;
}

export interface Form {
  kind: 'form';
  fields: Field[];
  values: Record<string, FieldValue | null>;
  errors: Record<string, string>;
  /** The line of code that says the same. */
  line: string;
  /** The line stands in a cell and is kept in step. */
  cell: boolean;
  /** It can be started. */
  ready: boolean;
  note: string;
  /** Cells can be written. */
  page: boolean;
}

export type WidgetInbox = Frame | Answer | Form;

// Saved output -------------------------------------------------------------------

/** The content of VIEW_MIME. */
export interface SavedView {
  version: number;
  handle: string;
  /** null: it shows no run but a form. */
  run: string | null;
  folder: string | null;
}
