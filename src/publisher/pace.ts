/**
 * How fast one lane may publish. A full queue refuses everything that is in flight, so after a refusal one frame at a
 * time goes, and the number doubles with each that is confirmed.
 *
 *   undeclared ─▶ declaring ─▶ open ──── refused ───▶ held ── delay over ─▶ open, one frame at a time
 *        ▲                                                                        │
 *        └───────────────────── another connection, or returned ──────────────────┘
 */
import type { Link } from '../amqp/link.js';

type State =
  | { readonly name: 'undeclared' }
  | { readonly name: 'declaring'; readonly link: Link }
  | { readonly name: 'open'; readonly link: Link }
  | { readonly name: 'held'; readonly timer: NodeJS.Timeout };

export class Pace {
  readonly #delayMs: (attempt: number) => number;
  readonly #resume: () => void;
  #state: State = { name: 'undeclared' };
  #refusals = 0;
  #allowance = Number.POSITIVE_INFINITY;

  /** @param resume called when the lane may go on. */
  constructor(delayMs: (attempt: number) => number, resume: () => void) {
    this.#delayMs = delayMs;
    this.#resume = resume;
  }

  get isHeld(): boolean {
    return this.#state.name === 'held';
  }

  /**
   * Whether a frame may go now. Begins to declare the queue where that was not done on this connection.
   *
   * @param declare makes sure that the queue is there; rejects when it could not ask.
   */
  admits(link: Link, framesInFlight: number, declare: () => Promise<void>): boolean {
    const state = this.#state;
    if (state.name === 'held') return false;
    if (state.name === 'open' && state.link === link) return framesInFlight < this.#allowance;
    if (state.name === 'declaring' && state.link === link) return false;
    this.#declare(link, declare);
    return false;
  }

  confirmed(): void {
    this.#refusals = 0;
    this.#allowance *= 2;
  }

  /** The broker nacked or returned a frame of the lane. */
  refused(): void {
    this.#allowance = 1;
    if (this.#state.name !== 'held') this.#hold();
  }

  /** What was declared may be gone: asked again before the next frame. */
  redeclare(): void {
    if (this.#state.name === 'open') this.#state = { name: 'undeclared' };
  }

  stop(): void {
    if (this.#state.name === 'held') clearTimeout(this.#state.timer);
    this.#state = { name: 'undeclared' };
  }

  #hold(): void {
    this.#refusals++;
    const timer = setTimeout(() => {
      // Declared again: what was refused may be refused because the queue is gone.
      this.#state = { name: 'undeclared' };
      this.#resume();
    }, this.#delayMs(this.#refusals)).unref();
    this.#state = { name: 'held', timer };
  }

  #declare(link: Link, declare: () => Promise<void>): void {
    const declaring: State = { name: 'declaring', link };
    this.#state = declaring;
    declare().then(
      () => {
        if (this.#state !== declaring) return;
        this.#state = { name: 'open', link };
        this.#resume();
      },
      () => {
        // The connection went away (it says so itself), or the broker would not answer: asked again after a delay.
        if (this.#state === declaring) this.#hold();
      },
    );
  }
}
