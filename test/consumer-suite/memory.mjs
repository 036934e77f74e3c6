/** Samples the memory of a process over time, as reported by Linux. */
import { readFileSync } from 'node:fs';

const EVERY_MS = 100;

/** @returns a sampler that runs until `end()` or until the process has exited. */
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
    /** Assigns the following samples to a phase of this name. */
    begin(name) {
      samples = [];
      times.set(name, samples);
    },
    end: () => clearInterval(timer),
    /** Peak memory use, including between samples. */
    get peakMib() {
      return mib(peakKib);
    },
    /** The means of the first, middle and last third of a phase. */
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
