/** A free TCP port on loopback outside the kernel's range for outgoing connections. */
export function freePort(): Promise<number>;
export function freePorts(count: number): Promise<number[]>;
