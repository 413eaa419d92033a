/**
 * The question before code in a cell sends a train: where to, with what, what it gives back.
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

import { parameterWords } from '../journeys/status';
import { IServerState } from '../server/interfaces';
import { listed } from '../text/list';
import { LONG, Name } from '../text/name';
import { cutMiddle, named } from '../text/untrusted';
import { IPhtServer } from '../tokens';
import { ICodeDispatch, codeDispatch } from './codeRequest';

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
      const asked = codeDispatch((event as CustomEvent<unknown>).detail);
      if (asked !== null) {
        // Tells the sender that somebody took it on.
        event.preventDefault();
        void ask(asked, server, trans);
      }
    });
  }
};

async function ask(
  asked: ICodeDispatch,
  server: IServerState,
  trans: TranslationBundle
): Promise<void> {
  const away = server.stations
    .filter(({ name, online }) => !online && asked.stations.includes(name))
    .map(({ name }) => name);
  const given = await showDialog({
    title: trans.__('Send this train?'),
    body: new Body(asked, away, trans),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Not now') }),
      Dialog.okButton({ label: trans.__('Send') })
    ],
    // It comes while one types or runs cells: a stray Enter sends nothing.
    defaultButton: 0
  });
  if (given.button.accept) {
    asked.answer();
  }
}

class Body extends ReactWidget {
  constructor(
    private readonly _asked: ICodeDispatch,
    private readonly _away: readonly string[],
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-Dispatch');
    this.addClass('pht-Asked');
  }

  protected render(): JSX.Element {
    const { _asked: asked, _away: away, _trans: trans } = this;
    return (
      <>
        <p>
          {trans.__('A cell of a notebook asks to sign and send')}{' '}
          <strong>
            <Name text={asked.name} />
          </strong>
          {'. '}
          {trans.__('Nothing has been sent yet.')}
        </p>
        <dl>
          {lines(asked, trans).map(([label, words]) => (
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
              listed(away, trans)
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
function lines(
  asked: ICodeDispatch,
  trans: TranslationBundle
): [string, string][] {
  const told: [string, string][] = [
    [trans.__('Stations'), listed(asked.stations, trans, 12)],
    [
      trans.__('Parameters'),
      cutMiddle(parameterWords(asked.parameters, trans), LONG)
    ],
    [
      trans.__('Outputs'),
      asked.outputs.length ? listed(asked.outputs, trans, 12) : trans.__('none')
    ],
    [trans.__('Who can open them'), listed(asked.recipients, trans)]
  ];
  return asked.proposal
    ? [...told, [trans.__('Proposal'), named(asked.proposal)]]
    : told;
}
