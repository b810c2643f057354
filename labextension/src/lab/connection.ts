import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import { UUID } from '@lumino/coreutils';
import {
  type Hello,
  KERNEL_TARGET,
  type KernelMessage,
  PAGE_TARGET,
  type PageMessage,
  PROTOCOL
} from '../messages';
import type { Notebooks } from './notebooks';
import type { Notices } from './notices';
import { Requests } from './requests';
import { VERSION } from './version';

const SUBSHELL_MS = 1000;

/** What all connections share. */
export interface Page {
  /** Name and version of the application. */
  app: string;
  notebooks: Notebooks;
  notices: Notices;
}

/**
 * A kernel that greeted this page, and the two comms between them.
 *
 * The kernel opens one and writes to it. The page opens the other, to which the kernel
 * never writes: ipykernel hands a message to the thread that last wrote to its comm, so
 * only such a comm stays on its subshell and reaches a kernel whose cell is busy.
 */
export class Connection {
  constructor(kernel: Kernel.IKernelConnection, inbox: Kernel.IComm, page: Page) {
    this.page = UUID.uuid4();
    this.outbox = kernel.createComm(PAGE_TARGET);
    const { notebooks, notices } = page;
    const send = (message: PageMessage) => this.send(message);
    this.requests = new Requests(kernel.id, this.page, notebooks, notices, send);
    const hello: Hello = {
      op: 'hello',
      protocol: PROTOCOL,
      version: VERSION,
      page: this.page,
      app: page.app,
      path: notebooks.of(kernel.id)[0]?.context.path ?? ''
    };
    this.opened = subshellOf(kernel, this.outbox).then(() => {
      if (this.isOpen) {
        this.outbox.open({ ...hello });
      }
    });
    // A promise returned from here would hold up all messages of the kernel.
    inbox.onMsg = message => {
      this.requests.handle(message.content.data as unknown as KernelMessage);
    };
    inbox.onClose = () => this.close();
  }

  /** The id by which the kernel knows this page. */
  readonly page: string;

  /** Whether what is sent can arrive. */
  get isOpen(): boolean {
    return !this.outbox.isDisposed;
  }

  /** Send after the greeting. */
  send(message: PageMessage): void {
    void this.opened.then(() => {
      if (this.isOpen) {
        this.outbox.send({ ...message });
      }
    });
  }

  close(): void {
    this.requests.dispose();
    if (this.isOpen) {
      this.outbox.close();
    }
  }

  private readonly outbox: Kernel.IComm;
  private readonly requests: Requests;
  private readonly opened: Promise<void>;
}

/** The connections to the kernels of all open notebooks. */
export class Connections {
  constructor(private readonly page: Page) {}

  /** Serve whatever kernel a notebook has, now and later. */
  attach(panel: NotebookPanel): void {
    const serve = () => {
      const kernel = panel.sessionContext.session?.kernel;
      // Of several connections of a page to one kernel, one handles comms.
      if (kernel?.handleComms === true && !this.served.has(kernel)) {
        this.served.add(kernel);
        this.serve(kernel);
      }
    };
    panel.sessionContext.kernelChanged.connect(serve);
    serve();
  }

  /** The connection to a kernel; null if that did not greet. */
  to(kernelId: string | undefined): Connection | null {
    const open = [...(this.byKernel.get(kernelId ?? '')?.values() ?? [])];
    return open.filter(connection => connection.isOpen).pop() ?? null;
  }

  private serve(kernel: Kernel.IKernelConnection): void {
    kernel.registerCommTarget(KERNEL_TARGET, comm => this.take(kernel, comm));
    const forget = () => this.forget(kernel.id);
    kernel.disposed.connect(forget);
    kernel.statusChanged.connect((_, status) => {
      // Lab has thrown all comms away by now.
      if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
        forget();
      }
    });
    this.resume(kernel).catch(() => undefined);
  }

  /** Take up the comms that the kernel opened before this page was loaded. */
  private async resume(kernel: Kernel.IKernelConnection): Promise<void> {
    const { content } = await kernel.requestCommInfo({ target_name: KERNEL_TARGET });
    if (content.status === 'ok') {
      for (const id of Object.keys(content.comms)) {
        if (!kernel.hasComm(id)) {
          this.take(kernel, kernel.createComm(KERNEL_TARGET, id));
        }
      }
    }
  }

  private take(kernel: Kernel.IKernelConnection, comm: Kernel.IComm): void {
    const open = this.byKernel.get(kernel.id) ?? new Map<string, Connection>();
    this.byKernel.set(kernel.id, open);
    // The comm's opening may arrive after we have found it by resume().
    open.get(comm.commId)?.close();
    open.set(comm.commId, new Connection(kernel, comm, this.page));
  }

  private forget(kernelId: string): void {
    for (const connection of this.byKernel.get(kernelId)?.values() ?? []) {
      connection.close();
    }
    this.byKernel.delete(kernelId);
  }

  private readonly served = new WeakSet<Kernel.IKernelConnection>();
  private readonly byKernel = new Map<string, Map<string, Connection>>();
}

/** Ends when a comm's subshell runs; at once where there are none. */
async function subshellOf(
  kernel: Kernel.IKernelConnection,
  comm: Kernel.IComm
): Promise<void> {
  const { subshellStarted } = comm as { subshellStarted?: Promise<void> };
  if (subshellStarted !== undefined && kernel.supportsSubshells) {
    const patience = new Promise<void>(resolve => {
      window.setTimeout(resolve, SUBSHELL_MS);
    });
    // Without a subshell messages arrive all the same, after the cell that is busy.
    await Promise.race([subshellStarted.catch(() => undefined), patience]);
  }
}
