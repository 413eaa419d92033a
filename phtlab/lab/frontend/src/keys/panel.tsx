/**
 * The Keys panel: the state of the key, who can read it, and all operations on it.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Disclosure } from '../components/disclosure';
import { ServerError } from '../server/errors';
import { IDownload } from '../server/interfaces';
import { useServerState } from '../server/subscription';
import { Name } from '../text/name';
import { truncateMiddle } from '../text/untrusted';
import { ConsortiumCard, ReadersCard } from './cards';
import { CurrentKey } from './currentKey';
import { saveFile } from './download';
import { CreateForm, PassphraseForm, RestoreForm, RevokeForm } from './forms';
import { MembershipSteps } from './membershipSteps';
import { IKeysProps, IPartProps } from './properties';

export class KeysPanel extends ReactWidget {
  constructor(private readonly _props: IKeysProps) {
    super();
    this.addClass('pht-Keys');
    // A scrolled region can be scrolled by keyboard if it can have the focus.
    this.node.tabIndex = -1;
  }

  protected render(): JSX.Element {
    return <Keys {...this._props} />;
  }
}

interface INotice {
  good: boolean;
  sentence: string;
}

function Keys(props: IKeysProps): JSX.Element {
  const { trans, server } = props;
  useServerState(server);
  const [notice, setNotice] = React.useState<INotice | null>(null);
  const status = server.status;
  const onDone = (sentence: string) => setNotice({ good: true, sentence });
  return (
    <div className="pht-Page">
      <header>
        <h1>{trans.__('Keys')}</h1>
        <p className="pht-Lead">
          {trans.__(
            'Your key signs what you send and opens what comes back. It is yours alone: ' +
              'nobody else has it, and nobody can recover it.'
          )}
        </p>
      </header>
      <div role="status">
        {notice && (
          <p
            className={
              'pht-Notice ' + (notice.good ? 'pht-mod-good' : 'pht-mod-bad')
            }
          >
            <span aria-hidden="true">{notice.good ? '✓' : '✗'}</span>
            <span>{notice.sentence}</span>
            <button
              className="pht-TextButton"
              onClick={() => setNotice(null)}
              aria-label={trans.__('Dismiss this message')}
            >
              {trans.__('Dismiss')}
            </button>
          </p>
        )}
        {!server.connected && status !== null && (
          <p className="pht-Notice pht-mod-still">
            <span aria-hidden="true">○</span>
            <span>
              {trans.__(
                'No connection to your Jupyter server at the moment: this may be old.'
              )}
            </span>
          </p>
        )}
      </div>
      {status === null ? (
        <p className="pht-Waiting">
          {trans.__('Asking your Jupyter server about your key…')}
        </p>
      ) : status.key.state === 'none' ? (
        <NoKey {...props} status={status} onDone={onDone} />
      ) : (
        <ExistingKey
          {...props}
          status={status}
          onDone={onDone}
          tell={setNotice}
        />
      )}
    </div>
  );
}

function NoKey(props: IPartProps): JSX.Element {
  const { trans, server, status, onDone } = props;
  return (
    <div className="pht-Columns">
      <section className="pht-Card" aria-labelledby="pht-keys-create">
        <h2 id="pht-keys-create">{trans.__('Make a key')}</h2>
        <p className="pht-Hint">
          {trans.__('It will be stored, encrypted with your passphrase, in')}{' '}
          <code>
            <Name text={status.key.path} limit={64} />
          </code>
        </p>
        <CreateForm trans={trans} server={server} onDone={onDone} />
      </section>
      <div className="pht-Stack">
        <ReadersCard trans={trans} status={status} />
        <section className="pht-Card" aria-labelledby="pht-keys-restore">
          <h2 id="pht-keys-restore">{trans.__('Restore from a backup')}</h2>
          <RestoreForm trans={trans} server={server} onDone={onDone} />
        </section>
      </div>
    </div>
  );
}

function ExistingKey(
  props: IPartProps & { tell: (notice: INotice) => void }
): JSX.Element {
  const { trans, server, status, onDone, tell, unlock } = props;
  const { key } = status;
  const download = async (needsKey: boolean, ask: () => Promise<IDownload>) => {
    try {
      if (needsKey && !(await unlock())) {
        return;
      }
      const file = await ask();
      saveFile(file);
      onDone(trans.__('Downloaded %1.', truncateMiddle(file.name, 80)));
    } catch (error) {
      tell({ good: false, sentence: errorText(error, trans) });
    }
  };
  const backup = () => download(false, () => server.backup());
  const request = () => download(true, () => server.membershipRequest());
  return (
    <>
      <div className="pht-Columns">
        <CurrentKey {...props} />
        <div className="pht-Stack">
          {key.member === false && (
            <MembershipSteps
              trans={trans}
              consortium={status.central.consortium}
              onBackup={backup}
              onRequest={request}
            />
          )}
          <ReadersCard trans={trans} status={status} />
          <ConsortiumCard trans={trans} status={status} />
        </div>
      </div>
      <section className="pht-Card" aria-labelledby="pht-keys-guard">
        <h2 id="pht-keys-guard">{trans.__('Backup and membership')}</h2>
        <div className="pht-Guard">
          <div>
            <p>
              {trans.__(
                'A backup is the encrypted key file. Store it on another device: without key and ' +
                  'backup, results that are sealed to the key cannot be opened.'
              )}
            </p>
            <button className="jp-mod-styled" onClick={backup}>
              {trans.__('Download a backup')}
            </button>
          </div>
          <div>
            <p>
              {trans.__(
                'The membership request is what an officer puts on the roster. It holds no ' +
                  'secret, and can be sent by mail.'
              )}
            </p>
            <button className="jp-mod-styled" onClick={request}>
              {trans.__('Download the membership request')}
            </button>
          </div>
        </div>
        <Disclosure title={trans.__('Change the passphrase')}>
          {close => (
            <PassphraseForm
              trans={trans}
              server={server}
              onDone={sentence => {
                close();
                onDone(sentence);
              }}
            />
          )}
        </Disclosure>
        <Disclosure title={trans.__('Revoke the key')} warns>
          {() => (
            <RevokeForm
              trans={trans}
              server={server}
              name={key.name ?? ''}
              onDone={onDone}
            />
          )}
        </Disclosure>
      </section>
    </>
  );
}

function errorText(error: unknown, trans: TranslationBundle): string {
  return error instanceof ServerError
    ? error.message
    : trans.__('This cannot be downloaded now. Try again.');
}
