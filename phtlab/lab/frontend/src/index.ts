/**
 * phtlab in JupyterLab. Each plugin lies in its own file, with its token.
 */
import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { serverPlugin } from './server';

const plugins: JupyterFrontEndPlugin<any>[] = [serverPlugin];

export default plugins;
