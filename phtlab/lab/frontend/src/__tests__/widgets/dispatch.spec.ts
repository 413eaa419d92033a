import widget from '../../widgets/dispatch';
import { FakeModel } from './fakeModel';

const HOSTILE = '<img src=x onerror=alert(1)>';

function rendered(traits = {}) {
  const model = new FakeModel({
    question: { name: HOSTILE, title: HOSTILE, lines: [['To', HOSTILE]] },
    state: 'asking',
    notice: '',
    dialog_opened: false,
    ...traits
  });
  const el = document.createElement('div');
  const leave = widget.render({ model: model as any, el });
  return { model, el, leave };
}

const send = (el: HTMLElement) => el.querySelector('button')!;

it('asks the page once, and sends what the page answers', () => {
  const request = jest.fn((event: any) => event.preventDefault());
  window.addEventListener('phtlab:ask-dispatch', request);
  const { model, el } = rendered();
  expect([model.get('dialog_opened'), model.saved]).toEqual([true, 1]);
  expect(request).toHaveBeenCalledTimes(1);
  rendered({ dialog_opened: true });
  expect(request).toHaveBeenCalledTimes(1);
  send(el).click();
  expect(model.sent).toEqual([]);
  request.mock.calls[1][0].detail.answer();
  expect(model.sent).toEqual([{ do: 'send' }]);
  window.removeEventListener('phtlab:ask-dispatch', request);
});

it('sends by its button where no page asks, and once', () => {
  const { model, el } = rendered();
  send(el).click();
  expect(model.sent).toEqual([{ do: 'send' }]);
  model.change({ state: 'sending' });
  expect(el.querySelector('[role=status]')!.textContent).toBe(
    'signing and sending…'
  );
  expect(el.querySelector('footer')!.hidden).toBe(true);
  send(el).click();
  expect(model.sent).toHaveLength(1);
});

it('tells why it was not sent, as text', () => {
  const { model, el } = rendered();
  model.change({ notice: HOSTILE });
  expect(el.querySelector('[role=alert]')!.textContent).toBe(HOSTILE);
  expect(el.querySelector('img')).toBeNull();
  expect(el.querySelector('bdi')!.textContent).toBe(HOSTILE);
});
