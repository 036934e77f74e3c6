/** The memory of a process, as Linux counts it, over time. */
import { readFileSync } from 'node:fs';

const EVERY_MS = 100;

/** @returns what samples from now on, until `end()` or until the process is gone. */
export function memoryOf(pid) {
  const times = new Map();
  let samples = [];
  let peakKib = 0;
  const timer = setInterval(() => {
    let status;
    try {
      status = readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch {
      return clearInterval(timer);
    }
    peakKib = Math.max(peakKib, kib(status, 'VmHWM'));
    samples.push(kib(status, 'VmRSS'));
  }, EVERY_MS);
  return {
    /** What is sampled from now on belongs to a time of this name. */
    begin(name) {
      samples = [];
      times.set(name, samples);
    },
    end: () => clearInterval(timer),
    /** The most that it ever took, between the samples as well. */
    get peakMib() {
      return mib(peakKib);
    },
    /** The mean of the beginning, the middle and the end of a time. */
    thirds(name) {
      const all = times.get(name);
      const third = Math.max(1, Math.floor(all.length / 3));
      return [all.slice(0, third), all.slice(third, -third), all.slice(-third)].map((part) => mib(mean(part)));
    },
  };
}

function kib(status, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length);
const mib = (kibibytes) => Math.round(kibibytes / 1024);
