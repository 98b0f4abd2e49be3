//! Which word was meant.

/// The word of the list that is nearest to `word`, where it is near enough to be a slip: at most one letter in three is another.
pub(crate) fn nearest<'a>(word: &str, list: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = list.into_iter().map(|w| (distance(word, w), w)).min()?;
    (near.0 * 3 <= word.chars().count().max(near.1.chars().count())).then_some(near.1)
}

/// Letters to put in, take out or change (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips() {
        let list = ["calib", "input", "int4-all", "max-loss", "json"];
        let of = |w| nearest(w, list);
        assert_eq!(
            [of("calb"), of("jsn"), of("max_loss"), of("int4all")],
            [Some("calib"), Some("json"), Some("max-loss"), Some("int4-all")]
        );
        assert_eq!([of("verbose"), of("x"), of("")], [None; 3]);
        assert_eq!([distance("kitten", "sitting"), distance("", "abc"), distance("abc", "abc")], [3, 3, 0]);
    }
}
