/** A direct exchange: bindings by routing key. */
import type { FieldTable } from '../wire/field-table.js';
import { canonical } from './equivalence.js';
import type { Queue } from './queue.js';

export interface ExchangeIdentity {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: FieldTable;
}

const NO_QUEUES: ReadonlyMap<Queue, Set<string>> = new Map();

export class Exchange {
  readonly identity: ExchangeIdentity;
  /** Bindings with different arguments are distinct, although a direct exchange ignores the arguments. */
  readonly #bindings = new Map<string, Map<Queue, Set<string>>>();

  constructor(identity: ExchangeIdentity) {
    this.identity = identity;
  }

  get name(): string {
    return this.identity.name;
  }

  get isBound(): boolean {
    return this.#bindings.size > 0;
  }

  bind(queue: Queue, routingKey: string, bindingArguments: FieldTable): void {
    let queues = this.#bindings.get(routingKey);
    if (queues === undefined) {
      queues = new Map();
      this.#bindings.set(routingKey, queues);
    }
    const known = queues.get(queue);
    if (known) known.add(canonical(bindingArguments));
    else queues.set(queue, new Set([canonical(bindingArguments)]));
  }

  hasBinding(queue: Queue, routingKey: string, bindingArguments: FieldTable): boolean {
    return this.#bindings.get(routingKey)?.get(queue)?.has(canonical(bindingArguments)) ?? false;
  }

  unbind(queue: Queue, routingKey: string, bindingArguments: FieldTable): void {
    const known = this.#bindings.get(routingKey)?.get(queue);
    known?.delete(canonical(bindingArguments));
    if (known?.size === 0) this.#drop(routingKey, queue);
  }

  /** @returns whether it was bound. */
  unbindAll(queue: Queue): boolean {
    let any = false;
    for (const [routingKey, queues] of this.#bindings) {
      if (!queues.has(queue)) continue;
      this.#drop(routingKey, queue);
      any = true;
    }
    return any;
  }

  #drop(routingKey: string, queue: Queue): void {
    const queues = this.#bindings.get(routingKey);
    queues?.delete(queue);
    if (queues?.size === 0) this.#bindings.delete(routingKey);
  }

  route(routingKey: string): Iterable<Queue> {
    return (this.#bindings.get(routingKey) ?? NO_QUEUES).keys();
  }
}
