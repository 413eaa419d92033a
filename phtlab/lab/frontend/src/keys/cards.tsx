/**
 * Cards of the Keys panel: who can read the key file, and the consortium.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IStatus } from '../server/api';
import { Name, SENTENCE_LIMIT } from '../text/name';
import { truncateMiddle } from '../text/untrusted';
import { Fingerprint } from './fingerprint';

interface ICardProps {
  trans: TranslationBundle;
  status: IStatus;
}

/** Who can read a key that rests here, and how to keep it elsewhere. */
export function ReadersCard({ trans, status }: ICardProps): JSX.Element {
  const name = status.key.name ?? 'NAME';
  return (
    <section className="pht-Card" aria-labelledby="pht-keys-readers">
      <h2 id="pht-keys-readers">{trans.__('Who can read a key here')}</h2>
      <p>
        <Name text={status.key.readers} limit={SENTENCE_LIMIT} />
      </p>
      {status.place === 'hub' && (
        <details className="pht-Details">
          <summary>{trans.__('Keep it on a laptop instead')}</summary>
          <p>
            {trans.__(
              'Make the key there, and never bring it here. Here you can still write and check ' +
                'notebooks, and see stations and journeys; what is signed or opened, you do there:'
            )}
          </p>
          <pre tabIndex={0}>
            <code>
              {[
                'pip install phtlab',
                `phtlab key create ${truncateMiddle(name, 64)}`,
                'phtlab join --central URL --root root.json',
                'phtlab dispatch analysis.ipynb',
                'phtlab journey results JOURNEY'
              ].join('\n')}
            </code>
          </pre>
          <p>
            {trans.__(
              "An officer tells central's URL and gives root.json. A key that has been here " +
                'already is better revoked than moved.'
            )}
          </p>
        </details>
      )}
    </section>
  );
}

/** The consortium, and the root that all trust in it hangs on. */
export function ConsortiumCard({
  trans,
  status
}: ICardProps): JSX.Element | null {
  const { central, root } = status;
  if (!central.url && !root) {
    return null;
  }
  return (
    <section className="pht-Card" aria-labelledby="pht-keys-consortium">
      <h2 id="pht-keys-consortium">
        {central.consortium ? (
          <Name text={central.consortium} />
        ) : (
          trans.__('The consortium')
        )}
      </h2>
      {central.state !== 'ok' && central.sentence && (
        <p>
          <span aria-hidden="true">○ </span>
          <Name text={central.sentence} limit={SENTENCE_LIMIT} />
        </p>
      )}
      {root && (
        <>
          <h3>{trans.__('Fingerprint of its root')}</h3>
          <Fingerprint
            value={root.fingerprint}
            label={trans.__("Fingerprint of the consortium's root")}
          />
          <p className="pht-Hint">
            {trans.__(
              'Compare it once with an officer, by telephone. With another root, you follow ' +
                'another consortium.'
            )}
          </p>
        </>
      )}
      {central.url && (
        <dl className="pht-Facts">
          <dt>{trans.__('Central')}</dt>
          <dd>
            <code>
              <Name text={central.url} limit={64} />
            </code>
          </dd>
        </dl>
      )}
    </section>
  );
}
