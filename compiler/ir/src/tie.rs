//! Ties between inputs and outputs of a graph: how its states are named and found.

use crate::{Code, Error, Graph, Result, State};

impl Graph {
    /// Ties input and output of these names; the state starts at zeros.
    ///
    /// # Errors
    /// `Usage` for names that there are not, or that are tied already; `BadShape` and `UnsupportedType` where the two do not hold the same.
    pub fn tie(&mut self, input: &str, output: &str) -> Result<()> {
        let wrong = |what: String| Error::new(Code::Usage, format!("state {input}={output}: {what}"));
        let names: Vec<&str> = self.inputs.iter().map(|&n| self.value(self.out(n)).name.as_str()).collect();
        let Some(i) = names.iter().position(|n| *n == input) else {
            return Err(wrong("no such input".into()).hint(format!("there are {}", names.join(", "))));
        };
        let Some(o) = self.outputs.iter().position(|o| o.name == output) else {
            let names: Vec<&str> = self.outputs.iter().map(|o| o.name.as_str()).collect();
            return Err(wrong("no such output".into()).hint(format!("there are {}", names.join(", "))));
        };
        if self.states.iter().any(|s| s.input == i || s.output == o) {
            return Err(wrong("one of the two is tied already".into()).hint("a state has one input and one output"));
        }
        let (a, b) = (self.value(self.out(self.inputs[i])), self.value(self.outputs[o].value));
        if a.dtype != b.dtype {
            let e = Error::new(Code::UnsupportedType, format!("the input is {}, the output `{output}` {}", a.dtype, b.dtype)).at(input);
            return Err(e.hint("a state is given back as it was left: both ends have one type"));
        }
        if a.shape != b.shape {
            let e = Error::new(Code::BadShape, format!("the input has shape {:?}, the output `{output}` {:?}", a.shape, b.shape)).at(input);
            return Err(e.hint("a state is given back as it was left: both ends have one shape; bind symbolic sizes with --dim"));
        }
        self.states.push(State { input: i, output: o, init: None });
        Ok(())
    }

    /// The state that an input is, by the input's position.
    pub fn state_of_input(&self, input: usize) -> Option<&State> {
        self.states.iter().find(|s| s.input == input)
    }

    /// Whether an output, by its position, is the next value of a state.
    pub fn is_next_state(&self, output: usize) -> bool {
        self.states.iter().any(|s| s.output == output)
    }
}
