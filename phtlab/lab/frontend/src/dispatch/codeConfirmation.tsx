/**
 * Confirmation before code in a cell sends a train: stations, parameters, outputs and recipients.
 *
 * The kernel holds the key and signs; this keeps an honest *Run All* from sending by surprise, and
 * is no guard against code that wants to send.
 */
import {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import {
  ITranslator,
  TranslationBundle,
  nullTranslator
} from '@jupyterlab/translation';
import * as React from 'react';

import { parametersText, routeText } from '../journeys/status';
import { IServerState } from '../server/interfaces';
import { formatList } from '../text/list';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { isolateName, truncateMiddle } from '../text/untrusted';
import { IPhtServer } from '../tokens';
import { ICodeRequest, parseCodeRequest } from './codeRequest';

/** What the widget of an unsent journey asks by, as an event of the window. */
const ASK_DISPATCH = 'phtlab:ask-dispatch';

export const dispatchFromCodePlugin: JupyterFrontEndPlugin<void> = {
  id: 'phtlab:dispatch-from-code',
  description: 'Asks before code in a cell sends a train.',
  autoStart: true,
  requires: [IPhtServer],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IPhtServer,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('phtlab');
    window.addEventListener(ASK_DISPATCH, event => {
      const request = parseCodeRequest((event as CustomEvent<unknown>).detail);
      if (request !== null) {
        // Tells the sender that somebody took it on.
        event.preventDefault();
        void confirmDispatch(request, server, trans);
      }
    });
  }
};

async function confirmDispatch(
  request: ICodeRequest,
  server: IServerState,
  trans: TranslationBundle
): Promise<void> {
  const away = server.stations
    .filter(({ name, online }) => !online && request.stations.includes(name))
    .map(({ name }) => name);
  const answer = await showDialog({
    title: trans.__('Send this train?'),
    body: new Body(request, away, trans),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Not now') }),
      Dialog.okButton({ label: trans.__('Send') })
    ],
    // It comes while one types or runs cells: a stray Enter sends nothing.
    defaultButton: 0
  });
  if (answer.button.accept) {
    request.answer();
  }
}

class Body extends ReactWidget {
  constructor(
    private readonly _request: ICodeRequest,
    private readonly _away: readonly string[],
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-Dispatch');
    this.addClass('pht-Asked');
  }

  protected render(): JSX.Element {
    const { _request: request, _away: away, _trans: trans } = this;
    return (
      <>
        <p>
          {trans.__('A cell of a notebook asks to sign and send')}{' '}
          <strong>
            <Name text={request.name} />
          </strong>
          {'. '}
          {trans.__('Nothing has been sent yet.')}
        </p>
        <dl>
          {requestRows(request, trans).map(([label, words]) => (
            <React.Fragment key={label}>
              <dt>{label}</dt>
              <dd>
                <bdi>{words}</bdi>
              </dd>
            </React.Fragment>
          ))}
        </dl>
        {away.length > 0 && (
          <p>
            {trans._n(
              '%2 is offline: it runs there when the station is back.',
              '%2 are offline: it runs there when the stations are back.',
              away.length,
              formatList(away, trans)
            )}
          </p>
        )}
        <p className="pht-Hint">
          {trans.__(
            'Cells that need its results stop until it is sent: run them then.'
          )}
        </p>
      </>
    );
  }
}

/** Label and words of what is asked. */
function requestRows(
  request: ICodeRequest,
  trans: TranslationBundle
): [string, string][] {
  const rows: [string, string][] = [
    request.isSequential
      ? [trans.__('Stations, in order'), routeText(request.stations)]
      : [trans.__('Stations'), formatList(request.stations, trans, 12)],
    [
      trans.__('Parameters'),
      truncateMiddle(parametersText(request.parameters, trans), SENTENCE_LIMIT)
    ],
    [
      trans.__('Outputs'),
      request.outputs.length
        ? formatList(request.outputs, trans, 12)
        : trans.__('none')
    ],
    [trans.__('Who can open them'), formatList(request.recipients, trans)]
  ];
  if (request.rounds) {
    rows.push([
      trans.__('Rounds'),
      truncateMiddle(request.rounds, SENTENCE_LIMIT)
    ]);
  }
  return request.proposal
    ? [...rows, [trans.__('Proposal'), isolateName(request.proposal)]]
    : rows;
}
