/**
 * The key in use: state, membership, fingerprint and file.
 */
import * as React from 'react';

import { IKey } from '../server/api';
import { Name, Sentence } from '../text/name';
import { Fingerprint } from './fingerprint';
import { IPartProps } from './properties';

export function CurrentKey(props: IPartProps): JSX.Element {
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
