import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { act } from 'react';

import { moved, positionText, routeSentence } from '../../dispatch/routeOrder';
import { RouteOrderList } from '../../dispatch/routeOrderList';

// It comes without types.
const { createRoot } = jest.requireActual<{
  createRoot: (node: Element) => { render: (element: JSX.Element) => void };
}>('react-dom/client');
const trans = nullTranslator.load('phtlab');
const ROUTE = ['cleveland', 'hungary', 'ulm'];

/** Without the marks that keep a name's direction to itself. */
function plain(text: string | null | undefined): string {
  return (text ?? '').replace(/[\u2068\u2069]/g, '');
}

describe('the order of a route', () => {
  it.each([
    ['hungary', -1, ['hungary', 'cleveland', 'ulm']],
    ['hungary', 1, ['cleveland', 'ulm', 'hungary']],
    ['cleveland', -1, ROUTE],
    ['ulm', 1, ROUTE],
    ['jena', 1, ROUTE]
  ] as [string, -1 | 1, string[]][])('moves %s by %d', (name, steps, after) => {
    expect(moved(ROUTE, name, steps)).toEqual(after);
  });

  it('is said in words', () => {
    expect(plain(routeSentence(ROUTE, trans))).toBe(
      'cleveland, then hungary, then ulm'
    );
    expect(plain(positionText(ROUTE, 'cleveland', trans))).toBe(
      'cleveland is stop 1 of 3: the route begins there.'
    );
    expect(plain(positionText(ROUTE, 'ulm', trans))).toBe(
      'ulm is stop 3 of 3, after hungary.'
    );
  });
});

describe('the list of a route', () => {
  (globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;
  let node: HTMLElement;

  function List(): JSX.Element {
    const [stations, setStations] = React.useState<string[]>(ROUTE);
    return React.createElement(RouteOrderList, {
      stations,
      received: ['model'],
      trans,
      onChange: setStations
    });
  }

  beforeEach(() => {
    node = document.createElement('div');
    document.body.replaceChildren(node);
    act(() => createRoot(node).render(React.createElement(List)));
  });

  const stations = () =>
    Array.from(node.querySelectorAll('li')).map(item => item.dataset.station);
  const button = (label: string) =>
    Array.from(node.querySelectorAll('button')).find(
      element => plain(element.getAttribute('aria-label')) === label
    )!;

  it('is moved by buttons that keep the focus, and the place is said', () => {
    button('Move hungary up').focus();
    act(() => button('Move hungary up').click());
    expect(stations()).toEqual(['hungary', 'cleveland', 'ulm']);
    expect(document.activeElement).toBe(button('Move hungary up'));
    expect(plain(node.querySelector('[aria-live]')?.textContent)).toBe(
      'hungary is stop 1 of 3: the route begins there.'
    );
  });

  it('does not move beyond its ends', () => {
    expect(button('Move ulm down').getAttribute('aria-disabled')).toBe('true');
    act(() => button('Move ulm down').click());
    act(() => button('Move cleveland up').click());
    expect(stations()).toEqual(ROUTE);
  });

  it('says what the last station does', () => {
    const last = node.querySelector('li:last-child');
    expect(last?.textContent).toContain('goes to the recipients');
  });
});
