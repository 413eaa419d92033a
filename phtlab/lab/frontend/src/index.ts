/**
 * phtlab in JupyterLab. Each plugin lies in its own file, with its token.
 */
import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { keysPlugin } from './keys';
import { serverPlugin } from './server';
import { unlockPlugin } from './unlock';
import { welcomePlugin } from './welcomePlugin';

const plugins: JupyterFrontEndPlugin<any>[] = [
  serverPlugin,
  keysPlugin,
  unlockPlugin,
  welcomePlugin
];

export default plugins;
