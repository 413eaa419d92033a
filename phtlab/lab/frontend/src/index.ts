/**
 * phtlab in JupyterLab. Each plugin lies in its own file, with its token.
 */
import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { cellRolesPlugin } from './notebook/roleSelector';
import { checksPlugin } from './findings/checks';
import { findingsPlugin } from './findings/plugin';
import { keysPlugin } from './keys/plugin';
import { dispatchPlugin } from './dispatch/plugin';
import { dispatchFromCodePlugin } from './dispatch/codeConfirmation';
import { journeysPlugin } from './journeys/notifications';
import { openCellPlugin } from './notebook/cellNavigation';
import { proposePlugin } from './proposals/plugin';
import { resultsPlugin } from './results/plugin';
import { savesPlugin } from './notebook/saves';
import { serverPlugin } from './server/plugin';
import { trainPanelPlugin } from './train/panel';
import { unlockPlugin } from './keys/unlock';
import { welcomePlugin } from './welcome/plugin';

const plugins: JupyterFrontEndPlugin<any>[] = [
  serverPlugin,
  cellRolesPlugin,
  checksPlugin,
  findingsPlugin,
  trainPanelPlugin,
  dispatchPlugin,
  dispatchFromCodePlugin,
  proposePlugin,
  journeysPlugin,
  openCellPlugin,
  keysPlugin,
  resultsPlugin,
  savesPlugin,
  unlockPlugin,
  welcomePlugin
];

export default plugins;
