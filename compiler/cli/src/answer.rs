//! What a command gives back.

/// Text for people, JSON for tools.
pub(crate) struct Answer {
    pub text: String,
    pub json: serde_json::Value,
}

impl Answer {
    /// A text that is the same for both.
    pub(crate) fn of(text: String) -> Self {
        Self { json: text.clone().into(), text }
    }
}
