/**
 * The status of proposals, and which stations approve a proposal.
 */
import { TranslationBundle } from '@jupyterlab/translation';

import { IProposal, IProposalStation } from '../server/api';
import { IMark } from '../text/mark';
import { truncateMiddle } from '../text/untrusted';

/** Whether it can still be decided on, and travelled under. */
export function isOpen(proposal: IProposal): boolean {
  return proposal.state !== 'expired' && proposal.state !== 'withdrawn';
}

/** The stations that said yes to the newest version, and under whose yes its own trains start. */
export function approvingStations(proposal: IProposal): string[] {
  return proposal.stations
    .filter(station => station.state === 'approved' && !station.lacks)
    .map(station => station.station);
}

/** The stations whose yes is for other trains than the study's own. */
export function stationsApprovingOtherTrains(proposal: IProposal): string[] {
  return proposal.stations
    .filter(station => station.state === 'approved' && station.lacks)
    .map(station => station.station);
}

/** Those among `stations` that the proposal does not name, or that have not said yes. */
export function nonApprovingStations(
  proposal: IProposal,
  stations: readonly string[]
): string[] {
  const approved = new Set(approvingStations(proposal));
  return stations.filter(station => !approved.has(station));
}

/** Whether a station waits for an answer of the researcher. */
export function hasQuestion(proposal: IProposal): boolean {
  return (
    isOpen(proposal) &&
    proposal.stations.some(({ question }) => question !== '')
  );
}

/** How far the whole is. */
export function proposalMark(
  proposal: IProposal,
  trans: TranslationBundle
): IMark {
  if (proposal.state === 'withdrawn') {
    return { mark: '–', tone: 'still', label: trans.__('withdrawn') };
  }
  if (proposal.state === 'expired') {
    return { mark: '–', tone: 'still', label: trans.__('expired') };
  }
  if (hasQuestion(proposal)) {
    return { mark: '?', tone: 'warning', label: trans.__('a station asks') };
  }
  const approved = approvingStations(proposal).length;
  const others = stationsApprovingOtherTrains(proposal).length;
  const all = proposal.stations.length;
  const label =
    others === 0
      ? trans.__('%1 of %2 approved', approved, all)
      : trans.__(
          '%1 of %2 approved, %3 for other trains only',
          approved,
          all,
          others
        );
  if (approved === all) {
    return { mark: '✓', tone: 'good', label };
  }
  return proposal.state === 'decided'
    ? { mark: '!', tone: 'warning', label }
    : { mark: '…', tone: 'moving', label };
}

/** How far one station is. */
export function stationMark(
  station: IProposalStation,
  trans: TranslationBundle
): IMark {
  switch (station.state) {
    case 'approved':
      return approvedMark(station, trans);
    case 'void':
      return {
        mark: '✗',
        tone: 'bad',
        label: trans.__('void: signed with keys, or in a format, of before')
      };
    case 'refused':
      return { mark: '✗', tone: 'bad', label: trans.__('refused') };
    case 'revoked':
      return { mark: '✗', tone: 'bad', label: trans.__('revoked') };
    case 'expired':
      return { mark: '–', tone: 'still', label: trans.__('expired') };
    case 'in-review':
      return { mark: '…', tone: 'moving', label: trans.__('in review') };
    default:
      return {
        mark: '…',
        tone: 'still',
        label: trans.__('not reviewed yet')
      };
  }
}

function approvedMark(
  { allows, lacks }: IProposalStation,
  trans: TranslationBundle
): IMark {
  if (lacks) {
    return {
      mark: '!',
      tone: 'warning',
      label: trans.__(
        "approved, but not this study's own train: %1",
        truncateMiddle(lacks, 200)
      )
    };
  }
  return {
    mark: '✓',
    tone: 'good',
    label: allows
      ? trans.__('approved: %1', truncateMiddle(allows, 120))
      : trans.__('approved')
  };
}
