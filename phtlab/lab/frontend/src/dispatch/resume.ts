/**
 * Continuation of a sequential journey that ended early: what is signed is said before it is sent.
 */
import { JupyterFrontEnd } from '@jupyterlab/application';
import {
  Dialog,
  Notification,
  showDialog,
  showErrorMessage
} from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { UNLOCK } from '../commands';
import {
  inRouteOrder,
  parametersText,
  remainingStations,
  routeText
} from '../journeys/status';
import { IJourney } from '../server/api';
import { IJourneyServer, IServerState } from '../server/interfaces';
import { isolateName, truncateMiddle } from '../text/untrusted';
import { ITrainPanel } from '../tokens';

/** What the person signs by resuming `journey`, in words. */
export function resumeSummary(
  journey: IJourney,
  trans: TranslationBundle
): string[] {
  const remaining = remainingStations(journey);
  const before = inRouteOrder(journey.stops)
    .filter(stop => stop.state === 'departed')
    .pop();
  return [
    trans.__(
      '%1 continues at %2.',
      isolateName(journey.train_name),
      routeText(remaining)
    ),
    before
      ? trans.__(
          '%1 receives what %2 handed on.',
          isolateName(remaining[0] ?? ''),
          isolateName(before.station)
        )
      : trans.__(
          '%1 receives what was handed on to it before.',
          isolateName(remaining[0] ?? '')
        ),
    trans.__(
      'Train, recipients and parameters stay the same (%1).',
      truncateMiddle(parametersText(journey.parameters, trans), 200)
    )
  ];
}

/** Ask, sign, send, and show the new journey. */
export async function resumeJourney(
  id: string,
  app: JupyterFrontEnd,
  server: IServerState & IJourneyServer,
  model: ITrainPanel,
  trans: TranslationBundle
): Promise<void> {
  const journey = server.journeys.find(known => known.id === id);
  if (!journey) {
    Notification.warning(trans.__('That journey is not known here any more.'), {
      autoClose: 6000
    });
    return;
  }
  const answer = await showDialog({
    title: trans.__('Resume this journey?'),
    body: resumeSummary(journey, trans).join(' '),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Not now') }),
      Dialog.okButton({ label: trans.__('Sign and resume') })
    ]
  });
  if (!answer.button.accept) {
    return;
  }
  const key = server.status?.key.state;
  const isUnlocked = key === undefined || key === 'unlocked';
  if (!isUnlocked && (await app.commands.execute(UNLOCK)) !== true) {
    return;
  }
  try {
    const continuing = await server.resume(id);
    model.showJourney(continuing.id);
  } catch (error) {
    await showErrorMessage(
      trans.__('The journey was not resumed'),
      (error as Error).message
    );
  }
}
