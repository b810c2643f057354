import { version } from '../../package.json';

/** The version of this extension, which the kernel compares with its own. */
export const VERSION = version;
