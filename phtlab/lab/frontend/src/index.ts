/**
 * phtlab in JupyterLab. Each plugin lies in its own file; tokens.ts holds what they provide.
 */
import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { dispatchFromCodePlugin } from './dispatch/codeConfirmation';
import { dispatchPlugin } from './dispatch/plugin';
import { checksPlugin } from './findings/checks';
import { findingsPlugin } from './findings/plugin';
import { journeysPlugin } from './journeys/notifications';
import { journeyRendererPlugin } from './journeys/renderer';
import { keysPlugin } from './keys/plugin';
import { unlockPlugin } from './keys/unlock';
import { openCellPlugin } from './notebook/cellNavigation';
import { cellRolesPlugin } from './notebook/roleSelector';
import { savesPlugin } from './notebook/saves';
import { proposePlugin } from './proposals/plugin';
import { resultsPlugin } from './results/plugin';
import { serverPlugin } from './server/plugin';
import { trainPanelPlugin } from './train/plugin';
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
  journeyRendererPlugin,
  openCellPlugin,
  keysPlugin,
  resultsPlugin,
  savesPlugin,
  unlockPlugin,
  welcomePlugin
];

export default plugins;
