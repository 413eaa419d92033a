/**
 * phtlab in JupyterLab. Each plugin lies in its own file, with its token.
 */
import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { serverPlugin } from './server';
import { welcomePlugin } from './welcomePlugin';

const plugins: JupyterFrontEndPlugin<any>[] = [serverPlugin, welcomePlugin];

export default plugins;
