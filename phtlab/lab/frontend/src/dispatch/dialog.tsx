/**
 * The dispatch dialog: stations, parameters, proposal and recipients of a train; one button.
 *
 * It stays open until central took the order or the person gives up: what is wrong is said in it.
 */
import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ErrorLine } from '../components/errorLine';
import { ISubmitBody, SubmitDialog } from '../components/submitDialog';
import { Parameters, isOfParameter } from '../parameters/section';
import { withDefaults } from '../parameters/validation';
import { isOpen } from '../proposals/status';
import { IDispatch, IJourney, IMember, IProposal } from '../server/api';
import { ServerError } from '../server/errors';
import { IJourneyServer, IServerState } from '../server/interfaces';
import { Name } from '../text/name';
import { AggregatorChoice } from './aggregatorChoice';
import { IDraft } from './draft';
import { ProposalChoice } from './proposalChoice';
import { RecipientChoice } from './recipientChoice';
import { RouteOrderList } from './routeOrderList';
import {
  candidateAggregators,
  candidateRecipients,
  destinations,
  existingStations
} from './selection';
import { StationChoice } from './stationChoice';
import { summary } from './summary';

export interface IDispatchOutcome {
  /** What was sent; null if the person gave up. */
  journey: IJourney | null;
  /** The draft as it was left. */
  draft: IDraft;
  /** The key was locked meanwhile: unlock it and ask again. */
  locked: boolean;
}

/** Show the dialog; gives what came of it. */
export async function showDispatchDialog(
  draft: IDraft,
  members: readonly IMember[],
  server: IServerState & IJourneyServer,
  trans: TranslationBundle
): Promise<IDispatchOutcome> {
  const body = new DispatchBody(draft, members, server, trans);
  const dialog: Dialog<void> = new DispatchDialog(body, trans);
  await dialog.launch();
  return { journey: body.journey, draft: body.draft, locked: body.locked };
}

class DispatchDialog extends SubmitDialog<DispatchBody> {
  constructor(body: DispatchBody, trans: TranslationBundle) {
    super(body, {
      title: trans.__('Dispatch'),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Sign and dispatch') })
      ]
    });
    this.addClass('pht-Dispatch-dialog');
  }

  handleEvent(event: Event): void {
    // What is signed is signed on purpose: Enter in a field is not the button.
    if (
      event instanceof KeyboardEvent &&
      event.key === 'Enter' &&
      event.target instanceof HTMLInputElement
    ) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    super.handleEvent(event);
  }

  /** While an order is on its way, closing could not take it back. */
  reject(): void {
    if (!this.submitBody.isSubmitting) {
      super.reject();
    }
  }
}

class DispatchBody extends ReactWidget implements ISubmitBody {
  constructor(
    public draft: IDraft,
    private readonly _members: readonly IMember[],
    private readonly _server: IServerState & IJourneyServer,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('pht-Dispatch');
    _server.changed.connect(this.update, this);
  }

  stateChanged: () => void = () => undefined;
  journey: IJourney | null = null;
  locked = false;

  get isSubmitting(): boolean {
    return this._sending;
  }

  /** Send what is chosen; whether the dialog is over. */
  async submit(): Promise<boolean> {
    if (this._sending) {
      return false;
    }
    const stations = this._chosen();
    if (stations.length === 0) {
      this._setProblem({
        code: 'no-stations',
        message: this._trans.__('Choose at least one station.'),
        field: 'stations'
      });
      return false;
    }
    if (!this._valid) {
      this._setProblem({
        code: 'parameters',
        message: this._trans.__('Mend the parameters that are marked.'),
        field: 'parameters'
      });
      return false;
    }
    const { path, check, parameters, recipients } = this.draft;
    const proposal = this._proposal();
    const order: IDispatch = {
      aggregator: this._aggregator(),
      path,
      checked: check.digest,
      stations,
      parameters,
      recipients,
      proposal: proposal && { id: proposal.id, digest: proposal.digest }
    };
    this._sending = true;
    this._setProblem(null);
    try {
      this.journey = await this._server.dispatch(order);
      return true;
    } catch (error) {
      this.locked = error instanceof ServerError && error.code === 'key-locked';
      this._problem =
        error instanceof ServerError
          ? error.problem
          : { code: 'unknown', message: (error as Error).message };
      return this.locked;
    } finally {
      this._sending = false;
      this._setProblem(this._problem);
    }
  }

  protected render(): JSX.Element {
    const { draft, _trans: trans, _problem: problem } = this;
    const me = this._server.status?.key.name ?? null;
    const stations = destinations(this._server.stations);
    const chosen = this._chosen();
    const isSequential = draft.check.route === 'sequential';
    const hasRounds = draft.check.route === 'rounds';
    const aggregators = candidateAggregators(this._members);
    const proposals = this._server.proposals.filter(isOpen);
    return (
      <>
        <p className="pht-Dispatch-what">
          <Name text={draft.name} />
        </p>
        <fieldset
          className="pht-Choice"
          aria-invalid={problem?.field === 'stations'}
        >
          <legend>{trans.__('Stations')}</legend>
          {stations.length === 0 && (
            <p className="pht-Empty">
              {trans.__('There is no station to send it to.')}
            </p>
          )}
          {stations.map(station => (
            <StationChoice
              key={station.name}
              station={station}
              needed={draft.check.datasets}
              chosen={chosen.includes(station.name)}
              trans={trans}
              onChange={yes =>
                this._set({
                  stations: toggled(draft.stations, station.name, yes)
                })
              }
            />
          ))}
        </fieldset>
        {isSequential && chosen.length > 0 && (
          <fieldset className="pht-Choice">
            <legend>{trans.__('Order of the stations')}</legend>
            <RouteOrderList
              stations={chosen}
              received={draft.check.received}
              trans={trans}
              onChange={stations => this._set({ stations })}
            />
          </fieldset>
        )}
        {Object.keys(draft.check.parameters.properties ?? {}).length > 0 && (
          <fieldset className="pht-Choice">
            <legend>{trans.__('Parameters')}</legend>
            <Parameters
              check={draft.check}
              values={draft.parameters}
              problem={problem}
              trans={trans}
              onChange={(parameters, valid) => {
                this._valid = valid;
                this._set({ parameters });
              }}
            />
          </fieldset>
        )}
        {proposals.length > 0 && (
          <fieldset
            className="pht-Choice"
            aria-invalid={problem?.field === 'proposal'}
          >
            <legend>{trans.__('Proposal')}</legend>
            <ProposalChoice
              proposals={proposals}
              chosen={this._proposal()}
              stations={chosen}
              trans={trans}
              onChange={proposal => this._set({ proposal })}
            />
          </fieldset>
        )}
        {hasRounds && aggregators.length > 0 && (
          <fieldset
            className="pht-Choice"
            aria-invalid={problem?.field === 'aggregator'}
          >
            <legend>{trans.__('Combined by')}</legend>
            <AggregatorChoice
              aggregators={aggregators}
              chosen={this._aggregator()}
              trans={trans}
              onChange={aggregator => this._set({ aggregator })}
            />
          </fieldset>
        )}
        <fieldset className="pht-Choice">
          <legend>{trans.__('Who can open the results')}</legend>
          <label>
            <input type="checkbox" checked disabled />
            <span>
              {me ? <Name text={me} limit={40} /> : trans.__('You')}{' '}
              <span className="pht-Row-detail">{trans.__('(you)')}</span>
            </span>
          </label>
          <RecipientChoice
            members={candidateRecipients(this._members, me)}
            chosen={draft.recipients}
            trans={trans}
            onChange={(name, yes) =>
              this._set({ recipients: toggled(draft.recipients, name, yes) })
            }
          />
        </fieldset>
        <div className="pht-Dispatch-summary" role="status">
          <strong>{trans.__('You sign:')}</strong>{' '}
          {chosen.length === 0
            ? trans.__('nothing yet. Choose a station.')
            : summary(
                {
                  name: draft.check.name || draft.name,
                  me,
                  parameters: withDefaults(
                    draft.check.parameters,
                    draft.parameters
                  ),
                  stations: chosen,
                  isSequential,
                  away: stations
                    .filter(
                      station =>
                        !station.online && chosen.includes(station.name)
                    )
                    .map(station => station.name),
                  recipients: draft.recipients,
                  proposal: this._proposal()?.title ?? null,
                  aggregator: hasRounds ? this._aggregator() : undefined
                },
                trans
              ).join(' ')}
        </div>
        {this._sending && (
          <div className="pht-Dispatch-sending" role="status">
            <div className="pht-Working" aria-hidden="true" />
            {trans.__('Building, signing and sending the train…')}
          </div>
        )}
        {problem && !isOfParameter(problem, draft.check) && (
          <ErrorLine>{problem.message}</ErrorLine>
        )}
      </>
    );
  }

  /** What is chosen, while it is open and of that version. */
  private _proposal(): IProposal | null {
    const { proposal } = this.draft;
    return (
      this._server.proposals.find(
        known => known.digest === proposal && isOpen(known)
      ) ?? null
    );
  }

  /** The aggregator that is chosen, while it is on the roster and the train has rounds. */
  private _aggregator(): string | null {
    const { aggregator, check } = this.draft;
    const isThere = candidateAggregators(this._members).some(
      ({ name }) => name === aggregator
    );
    return check.route === 'rounds' && isThere ? aggregator : null;
  }

  private _chosen(): string[] {
    return existingStations(this.draft.stations, this._server.stations);
  }

  private _set(change: Partial<IDraft>): void {
    this.draft = { ...this.draft, ...change };
    this._setProblem(null);
  }

  private _setProblem(problem: ServerError['problem'] | null): void {
    this._problem = problem;
    this.stateChanged();
    this.update();
    if (problem !== null) {
      // Once it is drawn: it may lie outside of what is seen.
      window.setTimeout(() => {
        const node = this.node.querySelector('.pht-Problem');
        node?.scrollIntoView({ block: 'nearest' });
      }, 0);
    }
  }

  private _valid = true;
  private _sending = false;
  private _problem: ServerError['problem'] | null = null;
}

function toggled(
  names: readonly string[],
  name: string,
  yes: boolean
): string[] {
  const rest = names.filter(other => other !== name);
  return yes ? [...rest, name] : rest;
}
