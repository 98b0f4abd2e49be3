//! One of several items in each of several places, so that a sum is least and others stay within limits: the multiple-choice knapsack problem in
//! several dimensions (Kellerer, Pferschy, Pisinger, "Knapsack Problems", 2004, chapters 9 and 11), solved exactly by branch and bound.

use good_lp::{Expression, ResolutionError, Solution, SolverModel, microlp, variable, variables};
use mcompc_ir::{Code, Error, Result};

/// What may be taken in a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// What shall be least in sum.
    pub cost: f64,
    /// What it takes of every resource, none negative.
    pub uses: Vec<f64>,
}

/// Share of a limit that a sum of reals may differ from it by the solver's own rounding.
const ROUNDING: f64 = 1e-9;
/// Rounds in which limits are tightened by that.
const ROUNDS: usize = 4;

/// The item of each place, or `None` where nothing stays within `limits` (infinite ones limit nothing).
///
/// # Errors
/// `Internal` if the solver fails.
pub(super) fn solve(places: &[Vec<Item>], limits: &[f64]) -> Result<Option<Vec<usize>>> {
    let limited: Vec<usize> = (0..limits.len()).filter(|&r| limits[r].is_finite()).collect();
    let kept: Vec<Vec<usize>> = places.iter().map(|items| undominated(items, &limited)).collect();
    if kept.iter().any(Vec::is_empty) {
        return Ok(None);
    }
    let total = |choice: &[usize], r: usize| -> f64 { choice.iter().zip(places).map(|(&i, items)| items[i].uses[r]).sum() };
    let within = |choice: &[usize]| limited.iter().all(|&r| total(choice, r) <= limits[r]);
    // Where the best of each place fits, there is nothing to choose.
    let best = |(kept, items): (&Vec<usize>, &Vec<Item>)| kept.iter().copied().min_by(|&a, &b| items[a].cost.total_cmp(&items[b].cost));
    if let Some(free) = kept.iter().zip(places).map(best).collect::<Option<Vec<usize>>>()
        && within(&free)
    {
        return Ok(Some(free));
    }
    let mut tightened = 0.0;
    for _ in 0..ROUNDS {
        let bounds: Vec<(usize, f64)> = limited.iter().map(|&r| (r, limits[r] * (1.0 - tightened))).collect();
        match round(places, &kept, &bounds)? {
            Some(choice) if within(&choice) => return Ok(Some(choice)),
            Some(_) => tightened = f64::max(4.0 * tightened, ROUNDING),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Items that no other of the place is at least as good as in everything.
fn undominated(items: &[Item], limited: &[usize]) -> Vec<usize> {
    let no_worse = |a: &Item, b: &Item| a.cost <= b.cost && limited.iter().all(|&r| a.uses[r] <= b.uses[r]);
    let beaten = |i: usize| {
        let other = |j: usize| j != i && no_worse(&items[j], &items[i]) && (j < i || !no_worse(&items[i], &items[j]));
        (0..items.len()).any(other)
    };
    (0..items.len()).filter(|&i| !beaten(i)).collect()
}

fn round(places: &[Vec<Item>], kept: &[Vec<usize>], bounds: &[(usize, f64)]) -> Result<Option<Vec<usize>>> {
    let largest = kept.iter().zip(places).flat_map(|(k, items)| k.iter().map(|&i| items[i].cost)).fold(0.0, f64::max);
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let mut all = variables!();
    let taken: Vec<Vec<good_lp::Variable>> = kept.iter().map(|k| k.iter().map(|_| all.add(variable().binary())).collect()).collect();
    let mut sums = vec![Expression::from(0.0); bounds.len()];
    let (mut objective, mut ones) = (Expression::from(0.0), Vec::new());
    for ((vars, kept), items) in taken.iter().zip(kept).zip(places) {
        let mut one = Expression::from(0.0);
        for (&v, &i) in vars.iter().zip(kept) {
            objective.add_mul(items[i].cost / unit, v);
            one.add_mul(1.0, v);
            for (sum, &(r, limit)) in sums.iter_mut().zip(bounds) {
                sum.add_mul(if limit > 0.0 { items[i].uses[r] / limit } else { items[i].uses[r] }, v);
            }
        }
        ones.push(one);
    }
    let mut model = all.minimise(objective).using(microlp);
    for one in ones {
        model.add_constraint(one.eq(1.0));
    }
    for (sum, &(_, limit)) in sums.into_iter().zip(bounds) {
        model.add_constraint(sum.leq(if limit > 0.0 { 1.0 } else { 0.0 }));
    }
    let solution = match model.solve() {
        Ok(s) => s,
        Err(ResolutionError::Infeasible) => return Ok(None),
        Err(e) => return Err(Error::new(Code::Internal, format!("the integer programme has no end: {e}"))),
    };
    let of = |(vars, kept): (&Vec<good_lp::Variable>, &Vec<usize>)| {
        let at = (0..vars.len()).max_by(|&a, &b| solution.value(vars[a]).total_cmp(&solution.value(vars[b])));
        at.map(|i| kept[i])
    };
    Ok(taken.iter().zip(kept).map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(seed: u64) -> impl FnMut() -> f64 {
        let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    /// The least cost of all choices within the limits.
    fn brute(places: &[Vec<Item>], limits: &[f64]) -> Option<f64> {
        let all: usize = places.iter().map(Vec::len).product();
        let one = |mut at: usize| {
            let (mut cost, mut uses) = (0.0, vec![0.0; limits.len()]);
            for items in places {
                let item = &items[at % items.len()];
                at /= items.len();
                cost += item.cost;
                uses.iter_mut().zip(&item.uses).for_each(|(u, i)| *u += i);
            }
            uses.iter().zip(limits).all(|(u, l)| u <= l).then_some(cost)
        };
        (0..all).filter_map(one).min_by(f64::total_cmp)
    }

    #[test]
    fn nothing_within_the_limits_is_better() {
        let (mut solved, mut refused) = (0, 0);
        for seed in 1..200 {
            let mut next = numbers(seed);
            let places: Vec<Vec<Item>> = (0..2 + seed as usize % 5)
                .map(|_| {
                    // Losses over several orders of magnitude, whole sizes, some of them equal.
                    (0..2 + (next() * 4.0) as usize)
                        .map(|_| Item { cost: libm::exp(8.0 * next() - 8.0), uses: vec![(next() * 40.0).floor() * 16.0, next() * 1e6] })
                        .collect()
                })
                .collect();
            let n = places.len() as f64;
            let limits = [(320.0 * n * (0.3 + next())).floor(), if seed % 3 == 0 { f64::INFINITY } else { 5e5 * n * (0.4 + next()) }];
            let (found, best) = (solve(&places, &limits).unwrap(), brute(&places, &limits));
            match (&found, best) {
                (Some(choice), Some(best)) => {
                    solved += 1;
                    let cost: f64 = choice.iter().zip(&places).map(|(&i, items)| items[i].cost).sum();
                    assert!(cost <= best * (1.0 + 1e-6), "seed {seed}: {cost} where {best} can be");
                    for (r, &limit) in limits.iter().enumerate() {
                        assert!(choice.iter().zip(&places).map(|(&i, items)| items[i].uses[r]).sum::<f64>() <= limit);
                    }
                }
                (None, None) => refused += 1,
                _ => panic!("seed {seed}: {found:?}, brute force {best:?}"),
            }
        }
        assert!(solved > 50 && refused > 5, "{solved} {refused}");
    }

    #[test]
    fn many_places_end_soon() {
        let mut next = numbers(77);
        let places: Vec<Vec<Item>> = (0..60)
            .map(|_| {
                let (size, loss) = (100.0 + 3e5 * next(), libm::exp(6.0 * next() - 10.0));
                [2.0, 3.2, 4.0, 5.33, 8.0]
                    .map(|b| Item { cost: loss * libm::exp2(-2.0 * b) * (1.0 + 0.3 * next()), uses: vec![(size * b / 8.0).ceil()] })
                    .to_vec()
            })
            .collect();
        let total = |b: f64| -> f64 { places.iter().map(|items| items[4].uses[0] * b / 8.0).sum() };
        let choice = solve(&places, &[total(4.0)]).unwrap().unwrap();
        let used: f64 = choice.iter().zip(&places).map(|(&i, items)| items[i].uses[0]).sum();
        assert!(used <= total(4.0) && used > 0.98 * total(4.0), "{used} of {}", total(4.0));
    }
}
