//! Prices from measurements: non-negative least squares on relative errors.

use crate::table::{Prices, Unit};
use crate::work::{CLASSES, Work};

/// Prices and how well they meet the measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The table.
    pub prices: Prices,
    /// Forecast over measured value, minus 1, of each sample in order.
    pub errors: Vec<f64>,
}

/// Sweeps of the coordinate descent; it stops moving long before.
const SWEEPS: usize = 20_000;
/// Weight of the pull towards zero, relative to a column's own: classes that occur together only in fixed proportion share their price
/// instead of trading huge ones.
const RIDGE: f64 = 1e-4;

/// Fits prices to samples of work and measured cost (positive). Each sample counts by its relative error, so that small layers matter as
/// much as large ones. Cyclic coordinate descent on the normal equations, each price held at zero or above (Franc, Hlavac, Navara 2005,
/// "Sequential coordinate-wise algorithm for the non-negative least squares problem").
pub fn fit(unit: Unit, samples: &[(Work, f64)]) -> Fit {
    const N: usize = CLASSES.len();
    let (mut h, mut f) = ([[0.0; N]; N], [0.0; N]);
    for (w, y) in samples {
        let row = w.0.map(|v| v / y.max(1e-9));
        for i in 0..N {
            f[i] += row[i];
            for j in 0..N {
                h[i][j] += row[i] * row[j];
            }
        }
    }
    let mut x = [0.0_f64; N];
    for _ in 0..SWEEPS {
        let mut moved = 0.0_f64;
        for i in 0..N {
            if h[i][i] == 0.0 {
                continue;
            }
            let gradient: f64 = h[i].iter().zip(&x).map(|(a, b)| a * b).sum::<f64>() - f[i] + RIDGE * h[i][i] * x[i];
            let next = (x[i] - gradient / (h[i][i] * (1.0 + RIDGE))).max(0.0);
            moved = moved.max((next - x[i]).abs() / (next.abs() + 1e-9));
            x[i] = next;
        }
        if moved < 1e-9 {
            break;
        }
    }
    // As the table will have them.
    let price = x.map(|p| (p * 1e3).round() / 1e3);
    let mut prices = Prices { unit, price, mean_error: 0.0 };
    let errors: Vec<f64> = samples.iter().map(|(w, y)| prices.of(w) / y.max(1e-9) - 1.0).collect();
    let mean = errors.iter().map(|e| e.abs()).sum::<f64>() / errors.len().max(1) as f64;
    prices.mean_error = (mean * 1e3).round() / 1e3;
    Fit { prices, errors }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_prices_are_found_and_none_is_negative() {
        let truth = [40.0, 3.0, 5.0, 1.0, 0.0, 1.5, 1.25, 2.0, 0.0, 6.0];
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64
        };
        let samples: Vec<(Work, f64)> = (0..40)
            .map(|_| {
                let w = Work(std::array::from_fn(|_| next()));
                (w, w.0.iter().zip(&truth).map(|(a, b)| a * b).sum())
            })
            .collect();
        let fit = fit(Unit::Instructions, &samples);
        assert!(fit.errors.iter().all(|e| e.abs() < 0.02), "{:?}", fit.errors);
        for (have, want) in fit.prices.price.iter().zip(truth) {
            assert!(*have >= 0.0 && (have - want).abs() < 0.5, "{:?}", fit.prices.price);
        }
        // A class that only makes a sum smaller gets nothing.
        let opposed = [(1.0, 0.0, 10.0), (1.0, 1.0, 5.0)].map(|(a, b, y)| {
            let mut w = Work::default();
            (w.0[0], w.0[1]) = (a, b);
            (w, y)
        });
        assert_eq!(super::fit(Unit::Instructions, &opposed).prices.price[1], 0.0);
    }
}
