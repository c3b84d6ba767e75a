//! Where mutants go in a file. Only inserts: what is there stays there, so that mutants within mutants are found.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit;
use syn::visit::Visit;

use super::Mutant;
use super::Place;

/// The file with switches, and the numbers of the mutants that have one.
pub(crate) fn switches<'a>(text: &str, mutants: impl Iterator<Item = &'a Mutant>) -> (String, Vec<usize>) {
    let mut places: BTreeMap<(&str, Place), Vec<&Mutant>> = BTreeMap::new();
    for mutant in mutants {
        places.entry((mutant.genre.as_str(), mutant.span.start)).or_default().push(mutant);
    }
    let lines = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut file = File { text, lines, places, inserts: Vec::new(), placed: Vec::new(), constant: false };
    file.visit_file(&syn::parse_file(text).unwrap());
    let File { mut inserts, placed, .. } = file;
    inserts.sort();
    let (mut out, mut at) = (String::new(), 0);
    for (end, _, insert) in inserts {
        out += &text[at..end];
        out += &insert;
        at = end;
    }
    (out + &text[at..], placed)
}

struct File<'a> {
    text: &'a str,
    /// Where each begins.
    lines: Vec<usize>,
    places: BTreeMap<(&'a str, Place), Vec<&'a Mutant>>,
    /// Where, in which order, what. What closes comes first, the inner before the outer; then the outer opens first.
    inserts: Vec<(usize, isize, String)>,
    placed: Vec<usize>,
    /// Nothing can be switched while a constant is computed.
    constant: bool,
}

impl<'a> File<'a> {
    fn offset(&self, at: proc_macro2::LineColumn) -> usize {
        let line = &self.text[self.lines[at.line - 1]..];
        self.lines[at.line - 1] + line.char_indices().nth(at.column).map_or(line.len(), |(index, _)| index)
    }

    fn text_of(&self, what: &impl Spanned) -> &'a str {
        &self.text[self.offset(what.span().start())..self.offset(what.span().end())]
    }

    /// The mutants of this kind that begin here.
    fn take(&mut self, genre: &'a str, what: &impl Spanned) -> Vec<&'a Mutant> {
        let start = what.span().start();
        let place = Place { line: start.line, column: start.column + 1 };
        let found = if self.constant { None } else { self.places.remove(&(genre, place)) }.unwrap_or_default();
        self.placed.extend(found.iter().map(|mutant| mutant.number));
        found
    }

    fn open(&mut self, at: usize, what: String) {
        let order = 1 + isize::try_from(self.inserts.len()).unwrap();
        self.inserts.push((at, order, what));
    }

    fn close(&mut self, at: usize, what: &str) {
        let order = -isize::try_from(self.inserts.len()).unwrap();
        self.inserts.push((at, order, what.to_owned()));
    }

    fn wrap(&mut self, what: &impl Spanned, before: String, after: &str) {
        self.open(self.offset(what.span().start()), before);
        self.close(self.offset(what.span().end()), after);
    }

    /// One of these instead of an expression.
    fn instead(&mut self, of: &impl Spanned, others: Vec<(usize, String)>) {
        if !others.is_empty() {
            let choice = |(number, other)| format!("if crate::broken({number}) {{ {other} }} else ");
            self.wrap(of, format!("({}{{ ", others.into_iter().map(choice).collect::<String>()), " })");
        }
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block, inside: impl FnOnce(&mut Self)) {
        let outside = self.constant;
        self.constant |= signature.constness.is_some();
        if let Some(first) = block.stmts.first() {
            let at = self.offset(block.brace_token.span.open().end());
            for mutant in self.take("FnValue", first) {
                let value = if mutant.replacement.is_empty() { "()" } else { &mutant.replacement };
                self.open(at, format!(" if crate::broken({}) {{ return {value}; }}", mutant.number));
            }
        }
        inside(self);
        self.constant = outside;
    }

    fn constant(&mut self, inside: impl FnOnce(&mut Self)) {
        let outside = std::mem::replace(&mut self.constant, true);
        inside(self);
        self.constant = outside;
    }
}

impl<'ast> Visit<'ast> for File<'_> {
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(|file| visit::visit_item_const(file, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(|file| visit::visit_impl_item_const(file, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block, |file| visit::visit_item_fn(file, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block, |file| visit::visit_impl_item_fn(file, item));
    }

    fn visit_expr_binary(&mut self, whole: &'ast syn::ExprBinary) {
        // A condition with `let` in it cannot stand in parentheses.
        if !binds(&whole.left) && !binds(&whole.right) {
            let (left, right) = (self.text_of(&whole.left), self.text_of(&whole.right));
            let others = self.take("BinaryOperator", &whole.op);
            let others = others.into_iter().map(|it| (it.number, format!("{left} {} {right}", it.replacement)));
            self.instead(whole, others.collect());
        }
        visit::visit_expr_binary(self, whole);
    }

    fn visit_expr_unary(&mut self, whole: &'ast syn::ExprUnary) {
        let operand = self.text_of(&whole.expr);
        let others = self.take("UnaryOperator", &whole.op).into_iter().map(|it| (it.number, operand.to_owned()));
        self.instead(whole, others.collect());
        visit::visit_expr_unary(self, whole);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let guard = arm.guard.as_ref().map(|(_, guard)| guard);
        if guard.is_none_or(|guard| !binds(guard)) {
            for deleted in self.take("MatchArm", arm) {
                let there = format!("!crate::broken({})", deleted.number);
                match guard {
                    Some(guard) => self.wrap(guard, format!("{there} && ("), ")"),
                    None => self.open(self.offset(arm.pat.span().end()), format!(" if {there}")),
                }
            }
        }
        if let Some(guard) = guard.filter(|guard| !binds(guard)) {
            let others = self.take("MatchArmGuard", guard);
            self.instead(guard, others.into_iter().map(|it| (it.number, it.replacement.clone())).collect());
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, whole: &'ast syn::ExprStruct) {
        let (start, end) = (self.offset(whole.span().start()), self.offset(whole.span().end()));
        let mut others = Vec::new();
        for pair in whole.fields.pairs() {
            let from = self.offset(pair.value().span().start());
            let to = self.offset(pair.punct().map_or_else(|| pair.value().span(), |comma| comma.span()).end());
            let without = format!("{}{}", &self.text[start..from], &self.text[to..end]);
            others.extend(self.take("StructField", pair.value()).into_iter().map(|it| (it.number, without.clone())));
        }
        self.instead(whole, others);
        visit::visit_expr_struct(self, whole);
    }
}

fn binds(condition: &syn::Expr) -> bool {
    match condition {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(both) => binds(&both.left) || binds(&both.right),
        _ => false,
    }
}
