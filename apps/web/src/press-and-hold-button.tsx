// A button for what interrupts something: held for a second, with the pointer or the keyboard, before it acts.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface HoldButtonProps {
  readonly children: ComponentChildren;
  /** Said by a screen reader, with how to use it. */
  readonly label: string;
  readonly class?: string;
  readonly disabled?: boolean;
  readonly onHeld: () => void;
}

export const holdMs = 1000;

export function HoldButton({ children, label, onHeld, ...rest }: HoldButtonProps) {
  const [isHeld, setHeld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const cancel = () => {
    clearTimeout(timer.current);
    timer.current = undefined;
    setHeld(false);
  };
  const begin = () => {
    if (rest.disabled || timer.current !== undefined) return;
    setHeld(true);
    timer.current = setTimeout(() => {
      cancel();
      navigator.vibrate?.(30);
      onHeld();
    }, holdMs);
  };
  useEffect(() => cancel, []);
  return (
    <button
      type="button"
      {...rest}
      class={`hold ${rest.class ?? ''} ${isHeld ? 'held' : ''}`}
      aria-label={`${label}: hold for a second`}
      title="Hold for a second"
      onPointerDown={(event) => {
        if (event.button === 0) begin();
      }}
      onPointerUp={cancel}
      onPointerLeave={cancel}
      onPointerCancel={cancel}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        if (!event.repeat) begin();
      }}
      onKeyUp={cancel}
      onBlur={cancel}
    >
      <svg class="ring" viewBox="0 0 36 36" aria-hidden="true">
        <circle cx="18" cy="18" r="16" pathLength="1" />
      </svg>
      <span>{children}</span>
    </button>
  );
}
