/**
 * The Train panel as a plugin: in the left side bar, with the command that shows it.
 */
import {
  ILabShell,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { OPEN_TRAIN } from '../commands';
import { trainIcon } from '../components/icons';
import { INotebookChecks, IPhtServer, ITrainPanel } from '../tokens';
import { TrainPanelModel } from './model';
import { PANEL, TrainPanel } from './panel';

export const trainPanelPlugin: JupyterFrontEndPlugin<ITrainPanel> = {
  id: 'phtlab:train-panel',
  description: 'The Train panel in the side bar.',
  autoStart: true,
  provides: ITrainPanel,
  requires: [IPhtServer, INotebookTracker, INotebookChecks],
  optional: [
    ILabShell,
    ILayoutRestorer,
    ICommandPalette,
    IStateDB,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    tracker: INotebookTracker,
    checks: INotebookChecks,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ): ITrainPanel => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const model = new TrainPanelModel(tracker, checks, state);
    const panel = new TrainPanel(model, server, app.commands, trans);
    app.shell.add(panel, 'left', { rank: 150, type: 'Train' });
    restorer?.add(panel, PANEL);
    app.commands.addCommand(OPEN_TRAIN, {
      label: trans.__('Show the Train Panel'),
      caption: trans.__('The current notebook, stations and journeys'),
      describedBy: { args: { type: 'object', properties: {} } },
      icon: trainIcon,
      execute: () => app.shell.activateById(PANEL)
    });
    palette?.addItem({
      command: OPEN_TRAIN,
      category: trans.__('Federated analysis')
    });
    model.activateRequested.connect(() => labShell?.expandLeft());
    model.activateRequested.connect(() => app.shell.activateById(PANEL));
    return model;
  }
};
