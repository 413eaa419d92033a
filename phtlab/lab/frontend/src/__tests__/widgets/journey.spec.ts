import widget from '../../widgets/journey';
import maps from '../journeys/routeMaps.json';
import { FakeModel } from './fakeModel';

const [GOING, OVER] = maps;

function rendered(route: unknown) {
  const model = new FakeModel({ route, connection: 'live', notice: '' });
  const el = document.createElement('div');
  document.body.replaceChildren(el);
  const leave = widget.render({ model: model as any, el });
  return { model, el, leave };
}

function click(el: HTMLElement, label: string): void {
  const buttons = Array.from(el.querySelectorAll('button'));
  buttons.find(button => button.textContent === label)!.click();
}

const notice = (el: HTMLElement) =>
  el.querySelector<HTMLElement>('[role=status]')!;

it('shows the map, and follows the model until it is left', () => {
  const { model, el, leave } = rendered(GOING);
  expect(el.querySelectorAll('[role=listitem]')).toHaveLength(2);
  model.change({ route: OVER });
  expect(el.textContent).toContain('1 departed, 1 failed, 1 refused');
  leave();
  model.change({ route: GOING });
  expect(el.textContent).toContain('1 departed, 1 failed, 1 refused');
});

it('tells of a lost connection, and of why it is over', () => {
  const { model, el } = rendered(GOING);
  expect(notice(el).hidden).toBe(true);
  model.change({ connection: 'lost', notice: 'It does not answer.' });
  expect(notice(el).textContent).toBe(
    'Connection lost; this is the state of before. Trying again. It does not answer.'
  );
  model.change({ connection: 'over', notice: 'Not yours.' });
  expect(notice(el).textContent).toBe('No longer live. Not yours.');
  model.change({ connection: 'live', notice: '' });
  expect(notice(el).hidden).toBe(true);
});

it('asks the kernel to cancel', () => {
  const { model, el } = rendered(GOING);
  click(el, 'Cancel…');
  click(el, 'Cancel the journey');
  expect(model.sent).toEqual([{ do: 'cancel' }]);
});

it('leaves cells to the page, and where none takes it says which', () => {
  const { el } = rendered(OVER);
  click(el, 'Go to cell 4, line 2');
  expect(notice(el).textContent).toContain('It is cell 4');
  const messages = jest.fn(event => event.preventDefault());
  window.addEventListener('phtlab:open-cell', messages, { once: true });
  click(el, 'Go to cell 4, line 2');
  expect(messages.mock.calls[0][0].detail).toEqual({
    cell: 4,
    line: 2,
    journey: OVER.id
  });
});

it('leaves results to the page, and where none takes them says how', () => {
  const { el } = rendered({ ...OVER, removed: null });
  click(el, 'Results');
  expect(notice(el).textContent).toBe(
    'In Python: phtlab.results() opens them.'
  );
});
