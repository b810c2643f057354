import { commandsPlugin, kernelPlugin, viewPlugin } from './lab/plugins';

export default [kernelPlugin, viewPlugin, commandsPlugin];
