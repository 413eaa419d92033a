import { nullTranslator } from '@jupyterlab/translation';

import { IStatus } from '../../server/api';
import { bannersOf } from '../../train/bannerRules';

const trans = nullTranslator.load('phtlab');

function status(changes: {
  key?: Partial<IStatus['key']>;
  central?: Partial<IStatus['central']>;
  problem?: IStatus['problem'];
  reads?: boolean;
}): IStatus {
  return {
    reads: changes.reads ?? true,
    problem: changes.problem ?? null,
    central: {
      url: 'http://central',
      state: 'ok',
      sentence: '',
      consortium: 'heart',
      ...changes.central
    },
    key: { state: 'unlocked', member: true, ...changes.key }
  } as IStatus;
}

function kinds(now: IStatus | null, connected = true): string[] {
  return bannersOf(now, connected, trans).map(({ kind }) => kind);
}

describe('the banners', () => {
  it('are none when nothing is in the way, or nothing is known yet', () => {
    expect(kinds(status({}))).toEqual([]);
    expect(kinds(null)).toEqual([]);
  });

  it('say only that the connection is lost while it is', () => {
    expect(kinds(status({ key: { state: 'locked' } }), false)).toEqual([
      'connection'
    ]);
  });

  it('say why the server refuses, if it told', () => {
    const reported = { code: 'logged-out', message: 'Log in again.' };
    expect(bannersOf(status({}), false, trans, reported)).toMatchObject([
      { kind: 'refused', text: 'Log in again. What is shown may be old.' }
    ]);
    expect(bannersOf(status({}), true, trans, reported)).toEqual([]);
  });

  it('say what central has, then what the key needs', () => {
    const now = status({
      central: { state: 'unreachable', sentence: 'Central is away.' },
      key: { state: 'locked' }
    });
    expect(kinds(now)).toEqual(['unreachable', 'locked']);
    expect(bannersOf(now, true, trans)[0].text).toBe('Central is away.');
  });

  it('tell a hub without central from a central that is away', () => {
    expect(kinds(status({ central: { url: '' } }))).toEqual(['no-central']);
    const reported = { code: 'central-missing', message: 'No central here.' };
    expect(bannersOf(status({ problem: reported }), true, trans)).toMatchObject(
      [{ kind: 'no-central', text: 'No central here.' }]
    );
  });

  it.each(['central-missing', 'settings'])('say what to do about %s', code => {
    const problem = { code, message: 'It failed.', hint: 'Mend it.' };
    expect(bannersOf(status({ problem }), true, trans)).toMatchObject([
      { text: 'It failed. Mend it.' }
    ]);
  });

  it.each([
    ['none', 'no-key', 'open-keys'],
    ['locked', 'locked', 'unlock']
  ] as const)('help when the key is %s', (state, kind, action) => {
    expect(bannersOf(status({ key: { state } }), true, trans)).toMatchObject([
      { kind, remedy: { action } }
    ]);
  });

  it('say what a locked key hides', () => {
    const text = (reads: boolean) =>
      bannersOf(status({ reads, key: { state: 'locked' } }), true, trans)[0]
        .text;
    expect(text(false)).toContain('see stations and journeys');
    expect(text(true)).not.toContain('see stations and journeys');
  });

  it('lead a key that is not on the roster to its request', () => {
    expect(kinds(status({ key: { member: false } }))).toEqual(['not-member']);
  });

  it('say any other problem in its own words', () => {
    const reported = { code: 'token-expired', message: 'Log in again.' };
    expect(bannersOf(status({ problem: reported }), true, trans)).toMatchObject(
      [{ kind: 'problem', text: 'Log in again.' }]
    );
  });
});
