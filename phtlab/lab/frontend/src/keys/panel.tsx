/**
 * The Keys panel: what state the key is in, who can read it, and all that is done with it.
 */
import { ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IKey, IStatus } from '../server/api';
import { PhtProblem } from '../server/errors';
import { IDownload, IKeyServer, IServerState } from '../server/interfaces';
import { useServer } from '../server/subscription';
import { Name, Sentence } from '../text/name';
import { cutMiddle } from '../text/untrusted';
import { ConsortiumCard, ReadersCard } from './cards';
import { Fingerprint } from './fingerprint';
import { CreateForm, PassphraseForm, RestoreForm, RevokeForm } from './forms';

interface IKeysProps {
  trans: TranslationBundle;
  server: IServerState & IKeyServer;
  /** Ask for the passphrase, unless the key is open; gives whether it is. */
  unlock: () => Promise<boolean>;
  lock: () => void;
}

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
  useServer(server);
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
        <OneKey {...props} status={status} onDone={onDone} tell={setNotice} />
      )}
    </div>
  );
}

interface IPartProps extends IKeysProps {
  status: IStatus;
  onDone: (sentence: string) => void;
}

function NoKey(props: IPartProps): JSX.Element {
  const { trans, server, status, onDone } = props;
  return (
    <div className="pht-Columns">
      <section className="pht-Card" aria-labelledby="pht-keys-create">
        <h2 id="pht-keys-create">{trans.__('Make a key')}</h2>
        <p className="pht-Hint">
          {trans.__('It will rest, sealed with your passphrase, in')}{' '}
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

function OneKey(
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
      save(file);
      onDone(trans.__('Downloaded %1.', cutMiddle(file.name, 80)));
    } catch (error) {
      tell({ good: false, sentence: refusal(error, trans) });
    }
  };
  const backup = () => download(false, () => server.backup());
  const request = () => download(true, () => server.membershipRequest());
  return (
    <>
      <div className="pht-Columns">
        <KeyCard {...props} />
        <div className="pht-Stack">
          {key.member === false && (
            <NextSteps
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
        <h2 id="pht-keys-guard">{trans.__('Guard it')}</h2>
        <div className="pht-Guard">
          <div>
            <p>
              {trans.__(
                'A backup is the sealed key file. Keep it where this place is not: who loses key ' +
                  'and backup loses what was sealed to it.'
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

function KeyCard(props: IPartProps): JSX.Element {
  const { trans, status, unlock, lock } = props;
  const { key, central } = status;
  const open = key.state === 'unlocked';
  const own = useOwnFile(props);
  return (
    <section className="pht-Card" aria-labelledby="pht-keys-own">
      <h2 id="pht-keys-own">
        {key.name ? <Name text={key.name} /> : trans.__('Your key')}
      </h2>
      <ul className="pht-Chips" aria-label={trans.__('State')}>
        <li className={open ? 'pht-mod-good' : 'pht-mod-still'}>
          <span aria-hidden="true">{open ? '●' : '○'}</span>
          {open ? trans.__('unlocked for this session') : trans.__('locked')}
        </li>
        {key.member === true && (
          <li className="pht-mod-good">
            <span aria-hidden="true">✓</span>
            {central.consortium ? (
              <Sentence
                words={trans.__('member of %1', '%1')}
                name={central.consortium}
              />
            ) : (
              trans.__('member')
            )}
          </li>
        )}
        {key.member === false && (
          <li className="pht-mod-waits">
            <span aria-hidden="true">…</span>
            {trans.__('not on the roster yet')}
          </li>
        )}
        {key.member === null && (
          <li className="pht-mod-still">
            <span aria-hidden="true">?</span>
            {trans.__('membership not known now')}
          </li>
        )}
      </ul>
      {key.fingerprint ? (
        <>
          <h3>{trans.__('Fingerprint')}</h3>
          <Fingerprint
            value={key.fingerprint}
            label={trans.__('Fingerprint of your key')}
            big
          />
          <p className="pht-Hint">
            {trans.__(
              'Compare it by telephone: read the eight groups to an officer, on a number that you ' +
                'already have. A mail could come from anybody.'
            )}
          </p>
        </>
      ) : (
        <p className="pht-Hint">
          {trans.__('Unlock the key to see its fingerprint.')}
        </p>
      )}
      <dl className="pht-Facts">
        <dt>{trans.__('File')}</dt>
        <dd>
          <code>
            <Name text={key.path} limit={64} />
          </code>
        </dd>
        {own?.created && (
          <>
            <dt>{trans.__('Made')}</dt>
            <dd>{new Date(own.created).toLocaleString()}</dd>
          </>
        )}
      </dl>
      <div className="pht-Actions">
        {open ? (
          <button className="jp-mod-styled" onClick={lock}>
            {trans.__('Lock')}
          </button>
        ) : (
          <button
            className="jp-mod-styled jp-mod-accept"
            onClick={() => void unlock()}
          >
            {trans.__('Unlock…')}
          </button>
        )}
      </div>
    </section>
  );
}

/** What the server knows of the key file in use; null until it has said. */
function useOwnFile({ server, status }: IPartProps): IKey | null {
  const [own, setOwn] = React.useState<IKey | null>(null);
  React.useEffect(() => {
    let gone = false;
    server.keys().then(
      keys => {
        if (!gone) {
          setOwn(keys.find(key => key.current) ?? null);
        }
      },
      // A date less is no reason for a message.
      () => undefined
    );
    return () => {
      gone = true;
    };
  }, [server, status.key.path, status.key.fingerprint]);
  return own;
}

function NextSteps(props: {
  trans: TranslationBundle;
  consortium: string | null;
  onBackup: () => void;
  onRequest: () => void;
}): JSX.Element {
  const { trans, consortium } = props;
  return (
    <section className="pht-Card pht-mod-next" aria-labelledby="pht-keys-next">
      <h2 id="pht-keys-next">
        {consortium ? (
          <Sentence
            words={trans.__('To become a member of %1', '%1')}
            name={consortium}
          />
        ) : (
          trans.__('To become a member')
        )}
      </h2>
      <ol className="pht-Steps">
        <li>
          <p>
            {trans.__('Keep a backup of the key somewhere else than here.')}
          </p>
          <button className="jp-mod-styled" onClick={props.onBackup}>
            {trans.__('Download the backup')}
          </button>
        </li>
        <li>
          <p>{trans.__('Send the membership request to an officer.')}</p>
          <button
            className="jp-mod-styled jp-mod-accept"
            onClick={props.onRequest}
          >
            {trans.__('Download the request')}
          </button>
        </li>
        <li>
          <p>
            {trans.__(
              'Telephone, and compare the fingerprint. The officers then sign the roster, and ' +
                'this panel says so by itself.'
            )}
          </p>
        </li>
      </ol>
    </section>
  );
}

function Disclosure(props: {
  title: string;
  warns?: boolean;
  children: (close: () => void) => React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(false);
  const id = React.useId();
  return (
    <div className={'pht-Disclosure' + (props.warns ? ' pht-mod-warns' : '')}>
      <button
        className="pht-Disclosure-title"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <span aria-hidden="true" className="pht-Disclosure-mark">
          ▸
        </span>
        {props.title}
      </button>
      <div id={id} hidden={!open}>
        {open && props.children(() => setOpen(false))}
      </div>
    </div>
  );
}

function refusal(error: unknown, trans: TranslationBundle): string {
  return error instanceof PhtProblem
    ? error.message
    : trans.__('This cannot be downloaded now. Try again.');
}

function save(file: IDownload): void {
  const url = URL.createObjectURL(file.content);
  const link = document.createElement('a');
  link.href = url;
  link.download = file.name;
  link.click();
  // The browser has taken it over by its next turn.
  window.setTimeout(() => URL.revokeObjectURL(url));
}
