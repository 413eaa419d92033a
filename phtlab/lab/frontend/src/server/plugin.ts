/**
 * The server extension as a plugin.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';

import { IPhtServer } from './interfaces';
import { PhtServer } from './client';

export const serverPlugin: JupyterFrontEndPlugin<IPhtServer> = {
  id: 'phtlab:server',
  description: 'Speaks with the phtlab server extension.',
  autoStart: true,
  provides: IPhtServer,
  activate: (app: JupyterFrontEnd): IPhtServer =>
    new PhtServer(app.serviceManager.serverSettings)
};
