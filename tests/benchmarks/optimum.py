"""The best schedule of questions for rendering times that are distributed lognormally.

A schedule asks at t1 < t2 < ... until the video is done. It costs requests, E[N] = S(0) + S(t1) + ..., and lag, which is
what passes between the end of the rendering and the question that sees it. For a price per request the best schedule
is the shortest path over a grid of times; the price is Lagrange's multiplier, so each path is also the one with the
least lag among all that need no more requests. For many requests the product lag * requests tends to
(integral of sqrt(f S))^2 / 2, and the grid would have to become too fine; the formula takes over.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

#: The 95th percentile of the rendering times, in medians; 300 s at a median of 120 s.
P95_IN_MEDIANS = 2.5
SIGMA = math.log(P95_IN_MEDIANS) / 1.6448536269514722
_HORIZON = 16.0
"""In medians. One video in three millions takes longer."""
_POINTS_PER_QUESTION = 12
_WIDEST_STEP = 0.02
#: From here on the formula is within a hundredth of the grid's result.
_MANY_REQUESTS = 40.0


def done(time: float) -> float:
    """Return the share of the videos that are done by then, in medians."""
    return 0.5 * math.erfc(-math.log(time) / SIGMA / math.sqrt(2)) if time > 0 else 0.0


def waiting(time: float) -> float:
    """Return the share that is not done yet, exact where it is tiny."""
    return 0.5 * math.erfc(math.log(time) / SIGMA / math.sqrt(2)) if time > 0 else 1.0


def density(time: float) -> float:
    """Return the density of the rendering times, in medians."""
    if time <= 0:
        return 0.0
    return math.exp(-((math.log(time) / SIGMA) ** 2) / 2) / (time * SIGMA * math.sqrt(2 * math.pi))


def _first_moment(time: float) -> float:
    """Return the integral of x f(x) from 0."""
    if time <= 0:
        return 0.0
    return math.exp(SIGMA**2 / 2) * 0.5 * math.erfc(-(math.log(time) / SIGMA - SIGMA) / math.sqrt(2))


@dataclass(frozen=True)
class Cost:
    """What a schedule costs a video: requests, and the lag in medians of the rendering time."""

    requests: float
    lag: float


def best_for_price(price: float) -> Cost:
    """Return what the best schedule costs where a request costs as much as this lag."""
    times = _grid(price)
    shares = [done(time) for time in times]
    moments = [_first_moment(time) for time in times]
    alive = [waiting(time) for time in times]
    last = len(times) - 1
    total, following = [0.0] * len(times), [last] * len(times)
    for here in range(last - 1, -1, -1):
        share, moment = shares[here], moments[here]
        best, chosen = math.inf, last
        since_best = 0
        for there in range(here + 1, last + 1):
            cost = times[there] * (shares[there] - share) - (moments[there] - moment) + total[there]
            if cost < best:
                best, chosen, since_best = cost, there, 0
            else:
                since_best += 1
                if since_best > 8 * _POINTS_PER_QUESTION:
                    break
        total[here], following[here] = best + price * alive[here], chosen
    requests = lag = 0.0
    here = 0
    while here < last:
        there = following[here]
        requests += alive[here]
        lag += times[there] * (shares[there] - shares[here]) - (moments[there] - moments[here])
        here = there
    return Cost(requests, lag)


def _grid(price: float) -> list[float]:
    """Return times that stand dense where the questions will: sqrt(2 price S / f) apart, and finer."""
    times = [0.0]
    while times[-1] < _HORIZON:
        time = max(times[-1], 1e-6)
        dense = density(time)
        apart = math.sqrt(2 * price * waiting(time) / dense) if dense > 1e-12 else math.inf
        times.append(times[-1] + min(_WIDEST_STEP, apart / _POINTS_PER_QUESTION))
    return times


def asymptotic_product() -> float:
    """Return lag * requests of the best schedule with many requests, in medians."""
    steps = 20_000
    width = _HORIZON / steps
    middles = ((number + 0.5) * width for number in range(steps))
    return float(sum(math.sqrt(density(time) * waiting(time)) for time in middles) * width) ** 2 / 2


class Optimum:
    """The least lag for any number of requests."""

    def __init__(self, prices: int = 50) -> None:
        curve = [best_for_price(8.0 * 0.8**number) for number in range(prices)]
        self._curve = sorted((math.log(cost.requests), math.log(cost.lag)) for cost in curve)
        self._product = asymptotic_product()
        self.disagreement = self._disagreement()

    def lag(self, requests: float, median: float) -> float:
        """Return the least lag in seconds."""
        if requests >= _MANY_REQUESTS:
            return self._product / requests * median
        return math.exp(self._on_curve(math.log(requests))) * median

    def _on_curve(self, at: float) -> float:
        position = min(max(bisect_left(self._curve, (at, -math.inf)), 1), len(self._curve) - 1)
        (left, low), (right, high) = self._curve[position - 1], self._curve[position]
        return low + (high - low) * (at - left) / (right - left)

    def _disagreement(self) -> float:
        """Return by which share the grid and the formula differ where one takes over from the other."""
        return math.exp(self._on_curve(math.log(_MANY_REQUESTS))) * _MANY_REQUESTS / self._product - 1
