/**
 * The kernel images in the Train panel: what cells run in, here and at every station.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IKernel } from '../server/api';
import { Name } from '../text/name';
import { truncateMiddle } from '../text/untrusted';

/** How much of a digest tells images apart. */
const SHORT = 12;

export function Kernels(props: {
  kernels: readonly IKernel[];
  /** The image of the current notebook. */
  current: string | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { kernels, current, trans } = props;
  return (
    <ul className="pht-Kernels">
      {kernels.map(kernel => (
        <li key={kernel.name} className="pht-Kernel">
          <span className="pht-Row-name">
            <Name text={kernel.name} limit={32} />
            {kernel.name === current && (
              <span className="pht-Tag">{trans.__('this notebook')}</span>
            )}
          </span>
          <span className="pht-Row-detail">
            <Name text={kernel.language} limit={24} /> ·{' '}
            <code title={truncateMiddle(kernel.digest, 100)}>
              {truncateMiddle(
                kernel.digest.replace(/^sha256:/, '').slice(0, SHORT),
                SHORT
              )}
            </code>
          </span>
        </li>
      ))}
    </ul>
  );
}
