import { nullTranslator } from '@jupyterlab/translation';

import {
  approvingStations,
  hasQuestion,
  isOpen,
  nonApprovingStations,
  proposalMark,
  stationMark
} from '../../proposals/status';
import { IProposal, IProposalStation } from '../../server/api';

const trans = nullTranslator.load('phtlab');
const TITLE = 'Age and disease';

function station(
  name: string,
  state: IProposalStation['state'],
  question = '',
  lacks = ''
): IProposalStation {
  const allows = state === 'approved' ? 'trains of at most low risk' : '';
  return { station: name, state, allows, lacks, question };
}

function proposal(changes: Partial<IProposal> = {}): IProposal {
  return {
    id: 'p-0123456789abcdef',
    title: TITLE,
    researcher: 'ada',
    version: 1,
    digest: `sha256:${'a'.repeat(64)}`,
    state: 'submitted',
    until: '2027-03-31T00:00:00Z',
    updated: '2026-05-04T10:00:00Z',
    comments: 0,
    stations: [station('a', 'approved'), station('b', 'submitted')],
    ...changes
  };
}

describe('a proposal', () => {
  it('is open until it is withdrawn or its time is over', () => {
    expect(isOpen(proposal())).toBe(true);
    expect(isOpen(proposal({ state: 'decided' }))).toBe(true);
    expect(isOpen(proposal({ state: 'withdrawn' }))).toBe(false);
    expect(isOpen(proposal({ state: 'expired' }))).toBe(false);
  });

  it('knows which stations have not said yes, also those that it does not name', () => {
    expect(approvingStations(proposal())).toEqual(['a']);
    expect(nonApprovingStations(proposal(), ['a'])).toEqual([]);
    expect(nonApprovingStations(proposal(), ['a', 'b', 'c'])).toEqual([
      'b',
      'c'
    ]);
    const back = proposal({ stations: [station('a', 'revoked')] });
    expect(nonApprovingStations(back, ['a'])).toEqual(['a']);
  });

  it("counts only the approvals under which the study's own trains start", () => {
    const lacks = 'only trains of at most low risk';
    const stations = [
      station('a', 'approved', '', lacks),
      station('b', 'approved'),
      station('c', 'void')
    ];
    const found = proposal({ state: 'decided', stations });
    expect(approvingStations(found)).toEqual(['b']);
    expect(nonApprovingStations(found, ['a', 'b', 'c'])).toEqual(['a', 'c']);
    const label = '1 of 3 approved, 1 for other trains only';
    expect(proposalMark(found, trans)).toEqual({
      mark: '!',
      tone: 'warning',
      label
    });
    const [other, own, gone] = stations.map(one => stationMark(one, trans));
    expect(other.label).toBe(
      `approved, but not this study's own train: ${lacks}`
    );
    expect(other.tone).toBe('warning');
    expect(own.label).toBe('approved: trains of at most low risk');
    expect(gone.label).toContain('void');
  });

  it('says how far it is', () => {
    const label = '1 of 2 approved';
    expect(proposalMark(proposal(), trans)).toEqual({
      mark: '…',
      tone: 'moving',
      label
    });
    const all = proposal({
      state: 'decided',
      stations: [station('a', 'approved')]
    });
    expect(proposalMark(all, trans).tone).toBe('good');
    const refused = proposal({
      state: 'decided',
      stations: [station('a', 'approved'), station('b', 'refused')]
    });
    expect(proposalMark(refused, trans).tone).toBe('warning');
    expect(proposalMark(proposal({ state: 'withdrawn' }), trans).label).toBe(
      'withdrawn'
    );
  });

  it('puts a question before all else, while it can be answered', () => {
    const stations = [
      station('a', 'approved'),
      station('b', 'in-review', 'Why?')
    ];
    expect(hasQuestion(proposal({ stations }))).toBe(true);
    expect(proposalMark(proposal({ stations }), trans).label).toBe(
      'a station asks'
    );
    expect(hasQuestion(proposal({ stations, state: 'expired' }))).toBe(false);
  });

  it('never tells a state of a station by colour alone', () => {
    const states: IProposalStation['state'][] = [
      'submitted',
      'in-review',
      'approved',
      'refused',
      'revoked',
      'expired',
      'void'
    ];
    const words = states.map(
      state => stationMark(station('a', state), trans).label
    );
    expect(new Set(words).size).toBe(states.length);
  });
});
