//! How much a library may lose against the float model.

use mcompc_ir::{Code, Error, Result};
use mcompc_report::{Criterion, Loss};

/// Expected points of top-1 accuracy that may be lost unless told otherwise.
const POINTS: f64 = 5.0;
/// Percent of the output's variance that the squared error may reach unless told otherwise, with weights of fewer than eight bits.
const PERCENT: f64 = 10.0;
/// As [`PERCENT`] with weights of eight bits, where nothing smaller is to be had: beyond it the outputs are wrong rather than rough.
const EIGHT_PERCENT: f64 = 30.0;

/// What a library may lose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxLoss {
    /// Anything goes.
    None,
    /// So much by the criterion that suits the model, or by the one named.
    Most(Option<Criterion>, f64),
    /// The default for a model's own criterion.
    Usual,
}

impl MaxLoss {
    /// Holds the measured loss to the limit, which it then carries. `None` is a loss that could not be measured. The advice is for weights
    /// of so many bits; `seen` is what [`super::audit`] found.
    ///
    /// # Errors
    /// E404 with the measured number, or where there is a limit and nothing was measured; weights of eight bits need no data unless a limit is
    /// asked for.
    pub fn hold(self, loss: Option<Loss>, bits: u8, seen: &[String]) -> Result<Option<Loss>> {
        let (named, limit) = match self {
            Self::None => return Ok(loss),
            Self::Usual if bits >= 8 && loss.is_none() => return Ok(None),
            Self::Most(criterion, n) => (criterion, Some(n)),
            Self::Usual => (None, None),
        };
        let Some(mut loss) = loss else {
            return Err(Error::new(
                Code::Loss,
                "without calibration data the loss of accuracy cannot be measured, so no limit can be kept",
            )
            .hint("give --calib FILE, or --max-loss none"));
        };
        loss.criterion = named.unwrap_or(loss.criterion);
        let limit = limit.unwrap_or(match loss.criterion {
            Criterion::Top1 => POINTS,
            Criterion::Error if bits < 8 => PERCENT,
            Criterion::Error => EIGHT_PERCENT,
        });
        loss.limit = Some(limit);
        if loss.lost() <= limit {
            return Ok(Some(loss));
        }
        let what = match loss.criterion {
            Criterion::Top1 => format!(
                "{:.2} +- {:.2} points of top-1 accuracy are expected to be lost (the float model's choice is kept on {:.2} %)",
                loss.lost(),
                loss.expected_within,
                100.0 * loss.top1_agreement
            ),
            Criterion::Error => format!("the squared error of the outputs is {:.2} percent of their variance", loss.lost()),
        };
        let hint = match seen.first() {
            _ if bits < 8 => {
                "keep layers at eight bits with --bits LAYER=8 (depthwise ones lose most), try --group 32, a higher --rate or -O int8, or allow more with \
                 --max-loss"
            }
            Some(first) => first,
            None => {
                "calibrate with more and typical samples, try --range minmax or --range percentile, or allow more with --max-loss (without \
                 a limit, compiling names the layers that lose)"
            }
        };
        Err(Error::new(Code::Loss, format!("{what} on {} {} samples, {limit} are allowed", loss.samples, loss.data)).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_limit_follows_the_criterion() {
        let loss = |criterion, expected, error| Loss {
            data: "calibration".into(),
            samples: 100,
            expected_loss: expected,
            error_over_variance: error,
            criterion,
            ..Loss::default()
        };
        let held = MaxLoss::Usual.hold(Some(loss(Criterion::Top1, 4.0, 0.5)), 4, &[]).unwrap().unwrap();
        assert_eq!(held.limit, Some(POINTS));
        assert_eq!(MaxLoss::Usual.hold(Some(loss(Criterion::Error, 90.0, 0.09)), 4, &[]).unwrap().unwrap().limit, Some(PERCENT));
        let e = MaxLoss::Usual.hold(Some(loss(Criterion::Top1, 6.0, 0.0)), 4, &[]).unwrap_err();
        assert!(e.code == Code::Loss && e.message.contains("6.00 +- 0.00 points") && e.message.contains("100 calibration"), "{e}");
        let e = MaxLoss::Usual.hold(Some(loss(Criterion::Error, 0.0, 0.125)), 4, &[]).unwrap_err();
        assert!(e.message.contains("12.50 percent"), "{e}");
        assert!(MaxLoss::Most(Some(Criterion::Error), 20.0).hold(Some(loss(Criterion::Top1, 99.0, 0.125)), 4, &[]).is_ok());
        // Eight bits have a limit too, but need no data.
        assert_eq!(MaxLoss::Usual.hold(Some(loss(Criterion::Error, 0.0, 0.2)), 8, &[]).unwrap().unwrap().limit, Some(EIGHT_PERCENT));
        assert_eq!(MaxLoss::Usual.hold(Some(loss(Criterion::Top1, 6.0, 0.0)), 8, &[]).unwrap_err().code, Code::Loss);
        assert!(MaxLoss::Usual.hold(None, 8, &[]).unwrap().is_none());
        assert_eq!(MaxLoss::Most(None, 1.0).hold(None, 8, &[]).unwrap_err().code, Code::Loss);
        assert_eq!(MaxLoss::Usual.hold(None, 4, &[]).unwrap_err().code, Code::Loss);
        assert!(MaxLoss::None.hold(None, 4, &[]).unwrap().is_none());
    }
    #[test]
    fn the_advice_suits_the_weights() {
        let lost = || Some(Loss { error_over_variance: 0.5, criterion: Criterion::Error, ..Loss::default() });
        let hint = |bits, seen: &[String]| MaxLoss::Most(None, 1.0).hold(lost(), bits, seen).unwrap_err().hint.unwrap();
        assert!(hint(4, &["a layer".into()]).contains("--bits"));
        assert_eq!(hint(8, &["a layer".into()]), "a layer");
        let plain = hint(8, &[]);
        assert!(!plain.contains("--bits") && !plain.contains("int8") && !plain.contains("--group"), "{plain}");
    }
}
