// React as Airflow itself uses it: a second copy would not share its state with the page around.
const { React, ReactRouterDOM } = globalThis;

export const h = React.createElement;
export const { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore, memo } = React;
export const { Link, useSearchParams } = ReactRouterDOM;
