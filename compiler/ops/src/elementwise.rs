//! Functions of one value: one file each, in which the function is defined once, in f64, for every executor and for the tables of the
//! integer level. What the importer, the random networks and the documents ask of it stands there, too.

use crate::map::{Function, eval, infer};

macro_rules! functions {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// How many there are.
        pub(crate) const COUNT: usize = [$(stringify!($name)),*].len();
        pub(crate) static ALL: [&Function; COUNT] = [$({
            static F: Function = Function::of($name::F, |c| infer(c, &F), |c, t| eval(c, t, &F));
            &F
        },)*];
    };
}

functions! {
    abs acos acosh asin asinh atan atanh ceil celu clip cos cosh elu erf exp floor gelu hard_sigmoid
    hard_swish is_inf is_nan leaky_relu log mish neg power reciprocal relu round selu shrink sigmoid sign sin sinh
    softplus softsign sqrt swish tan tanh thresholded_relu trunc
}

/// The function of a name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    ALL.iter().copied().find(|f| f.op.name == name)
}
