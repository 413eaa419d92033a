/**
 * The Train panel in the left side bar: the current notebook, its parameters, the stations, the
 * journeys and the kernel images.
 */
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { isUndisturbedUntil, isWritingOutside } from '../components/focus';
import { trainIcon } from '../components/icons';
import { isTravelling } from '../journeys/status';
import {
  IJourneyServer,
  INotebookServer,
  IProposalServer,
  IServerState
} from '../server/interfaces';
import { ITrainPanel } from '../tokens';
import { PanelActions } from './actions';
import { Content } from './content';
import { KernelCatalogue } from './kernelCatalogue';
import { RefreshTimer } from './refreshTimer';

export const PANEL = 'phtlab-train-panel';
/** How long a first connection may take before the panel calls it lost. */
const PATIENCE = 3000; // ms

export class TrainPanel extends ReactWidget {
  constructor(
    private readonly _model: ITrainPanel,
    private readonly _server: IServerState &
      INotebookServer &
      IJourneyServer &
      IProposalServer,
    commands: CommandRegistry,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this._actions = new PanelActions(_server, commands, _trans);
    this._catalogue = new KernelCatalogue(_server);
    this.id = PANEL;
    this.addClass('pht-TrainPanel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Train'));
    this.title.icon = trainIcon;
    this.title.caption = _trans.__('Train');
    _model.changed.connect(this.update, this);
    _server.changed.connect(this._onServerChanged, this);
    _model.activateRequested.connect(this._awaitFocus, this);
    document.addEventListener('visibilitychange', this._adjustTimer);
    this._patience = window.setTimeout(() => {
      this._isConnecting = false;
      this.update();
    }, PATIENCE);
  }

  dispose(): void {
    window.clearTimeout(this._patience);
    this._timer.dispose();
    document.removeEventListener('visibilitychange', this._adjustTimer);
    super.dispose();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._onServerChanged();
  }
  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._adjustTimer();
  }
  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const journey = this._journeyToShow;
    this._journeyToShow = undefined;
    // What the person did not ask for at this moment does not interrupt their writing.
    const isWelcome = journey === undefined || !isWritingOutside(this.node);
    const drawn = this.renderPromise ?? Promise.resolve();
    void isUndisturbedUntil(drawn).then(isUndisturbed => {
      const target = journey ? this._rowOf(journey) : null;
      target?.scrollIntoView({ block: 'nearest' });
      if (isWelcome && isUndisturbed) {
        const button = (target ?? this.node).querySelector<HTMLElement>(
          'button, input, select'
        );
        button?.focus({ preventScroll: true });
      }
    });
  }

  protected render(): JSX.Element {
    return (
      <Content
        model={this._model}
        server={this._server}
        connected={
          this._server.connected || (this._isConnecting && !this._wasConnected)
        }
        kernels={this._catalogue.kernels}
        now={Date.now()}
        actions={this._actions}
        trans={this._trans}
      />
    );
  }

  private _onServerChanged(): void {
    if (this._server.connected) {
      this._wasConnected = true;
    }
    void this._catalogue.refresh().then(isRefreshed => {
      if (isRefreshed) {
        this.update();
      }
    });
    this._adjustTimer();
    this.update();
  }

  private readonly _adjustTimer = (): void => {
    this._timer.adjust(
      this.isVisible && document.visibilityState === 'visible',
      this._server.journeys.some(isTravelling)
    );
  };

  /** Once the panel is drawn and in front, the focus goes to the journey. */
  private _awaitFocus(_: ITrainPanel, journey: string | null): void {
    this._journeyToShow = journey;
    this.update();
  }

  private _rowOf(journey: string): HTMLElement | undefined {
    return Array.from(
      this.node.querySelectorAll<HTMLElement>('[data-journey]')
    ).find(item => item.dataset.journey === journey);
  }

  private readonly _actions: PanelActions;
  private readonly _catalogue: KernelCatalogue;
  private readonly _patience: number;
  private readonly _timer = new RefreshTimer(() => this.update());
  /** The journey to show, null for none of them; undefined if the panel was opened by a person. */
  private _journeyToShow: string | null | undefined = undefined;
  /** The first connection may still be under way. */
  private _isConnecting = true;
  private _wasConnected = false;
}
