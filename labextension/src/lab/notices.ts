import { Notification } from '@jupyterlab/apputils';
import type { NoticeRequest } from '../messages';

const CLOSE_MS = 10_000;

/** Shows each notice once, however many notebooks and kernels show its run. */
export class Notices {
  show(request: NoticeRequest): void {
    const text = noticeText(request);
    if (this.shown.has(text)) {
      return;
    }
    this.shown.add(text);
    window.setTimeout(() => this.shown.delete(text), CLOSE_MS);
    Notification.emit(text, request.kind, {
      autoClose: request.kind === 'error' ? false : CLOSE_MS
    });
  }

  private readonly shown = new Set<string>();
}

/** The message, which names its run. */
export function noticeText({ message, run }: NoticeRequest): string {
  return message.includes(run) ? message : `${run}: ${message}`;
}
