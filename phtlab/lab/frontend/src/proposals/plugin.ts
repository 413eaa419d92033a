/**
 * Proposals from Lab: a draft beside the notebook, submitted as it was shown; and withdrawn.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  InputDialog,
  Notification
} from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker } from '@jupyterlab/notebook';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';

import { PROPOSE, WITHDRAW } from '../commands';
import { saveDocument } from '../notebook/saves';
import { NotebookTask } from '../notebook/task';
import { IProposalServer } from '../server/interfaces';
import { truncateMiddle } from '../text/untrusted';
import { IPhtServer, ITrainPanel } from '../tokens';
import { showSubmitDialog } from './dialog';

export const proposePlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:propose',
  description: 'Writes, submits and withdraws proposals.',
  autoStart: true,
  requires: [IPhtServer, ITrainPanel, INotebookTracker, IDocumentManager],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    model: ITrainPanel,
    tracker: INotebookTracker,
    documents: IDocumentManager,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    const { commands } = app;
    const task = new NotebookTask(app, server, model);

    commands.addCommand(PROPOSE, {
      label: trans.__('Propose the Study…'),
      caption: trans.__(
        'Write a draft beside the notebook; once it is filled in, sign and submit it'
      ),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => tracker.currentWidget !== null,
      execute: () => propose(task, server, documents, trans)
    });
    commands.addCommand(WITHDRAW, {
      label: trans.__('Withdraw a Proposal…'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            proposal: { type: 'string', description: "The proposal's name" }
          },
          required: ['proposal']
        }
      },
      execute: args =>
        withdraw(task, server, String(args.proposal ?? ''), trans)
    });
    tracker.currentChanged.connect(() =>
      commands.notifyCommandChanged(PROPOSE)
    );
    palette?.addItem({
      command: PROPOSE,
      category: trans.__('Federated analysis')
    });
  }
};

async function propose(
  task: NotebookTask,
  server: IProposalServer,
  documents: IDocumentManager,
  trans: TranslationBundle
): Promise<void> {
  await task.run(trans.__('Checking the draft…'), async panel => {
    await task.save(panel);
    if (!(await task.unlocked())) {
      return;
    }
    const notebook = task.path(panel);
    const { path, made } = await server.draft(notebook);
    const editor = documents.openOrReveal(path);
    if (made) {
      Notification.info(
        trans.__(
          'The draft is worked out from the notebook. Fill in title, question and legal ' +
            'ground, then choose Propose again.'
        ),
        { autoClose: 10_000 }
      );
      return;
    }
    const context = editor && documents.contextForWidget(editor);
    await context?.ready;
    if (context) {
      await saveDocument(context);
    }
    const check = await server.checkDraft(notebook);
    const submitted = await showSubmitDialog(notebook, check, server, trans);
    if (submitted) {
      Notification.success(
        trans.__(
          'Version %1 of "%2" is submitted.',
          submitted.version,
          truncateMiddle(submitted.title, 80)
        ),
        { autoClose: 6000 }
      );
    }
  });
}

async function withdraw(
  task: NotebookTask,
  server: IProposalServer,
  id: string,
  trans: TranslationBundle
): Promise<void> {
  const answer = await InputDialog.getText({
    title: trans.__('Withdraw the proposal, for good?'),
    label: trans.__(
      'Nothing more can be sent under it. Why, for the stations:'
    ),
    okLabel: trans.__('Withdraw'),
    required: false
  });
  if (!answer.button.accept || !(await task.unlocked())) {
    return;
  }
  try {
    await server.withdraw(id, (answer.value ?? '').trim());
  } catch (error) {
    Notification.error((error as Error).message, { autoClose: false });
  }
}
