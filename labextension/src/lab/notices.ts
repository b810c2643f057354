import { Notification } from '@jupyterlab/apputils';
import type { NoticeRequest } from '../messages';

const CLOSE_MS = 10_000;
const REMEMBERED = 100;

/** Shows each notice once, however many notebooks its kernel runs. */
export class Notices {
  show(request: NoticeRequest): void {
    if (this.shown.has(request.request)) {
      return;
    }
    this.shown.add(request.request);
    for (const oldest of this.shown) {
      if (this.shown.size <= REMEMBERED) {
        break;
      }
      this.shown.delete(oldest);
    }
    Notification.emit(noticeText(request), request.kind, {
      autoClose: request.kind === 'error' ? false : CLOSE_MS
    });
  }

  private readonly shown = new Set<string>();
}

/** The message, which names its run. */
export function noticeText({ message, run }: NoticeRequest): string {
  return message.includes(run) ? message : `${run}: ${message}`;
}
