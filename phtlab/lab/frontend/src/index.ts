/**
 * phtlab in JupyterLab. Each plugin lies in its own file, with its token.
 */
import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { cellRolesPlugin } from './cellRoles';
import { checksPlugin } from './checks';
import { findingsPlugin } from './findings';
import { keysPlugin } from './keys';
import { dispatchPlugin } from './dispatch';
import { dispatchFromCodePlugin } from './dispatchFromCode';
import { journeysPlugin } from './journeyNotices';
import { openCellPlugin } from './openCell';
import { proposePlugin } from './propose';
import { resultsPlugin } from './results';
import { savesPlugin } from './saves';
import { serverPlugin } from './server';
import { trainPanelPlugin } from './trainPanel';
import { unlockPlugin } from './unlock';
import { welcomePlugin } from './welcomePlugin';

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
