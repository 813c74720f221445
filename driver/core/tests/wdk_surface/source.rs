//! What a source file uses of the WDK crates, however it spells it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The macro whose first argument names a framework function.
const WDF_CALL: &str = "call_unsafe_wdf_function_binding";

/// Everything found so far.
#[derive(Default)]
pub struct Uses {
    /// Paths into the WDK crates, framework functions and symbols of the linker.
    pub items: BTreeSet<String>,
    /// Fields by owner; the owner is empty where an access does not tell it.
    pub fields: BTreeSet<(String, String)>,
    /// Spellings that could hide a use.
    pub objections: Vec<String>,
}

impl Uses {
    /// Adds what the file uses.
    pub fn add(&mut self, name: &str, text: &str) {
        match syn::parse_file(text) {
            Ok(file) => {
                let mut imports = Imports { uses: self, file: name, names: BTreeMap::new() };
                imports.visit_file(&file);
                let names = imports.names;
                Scan { uses: self, file: name, names }.visit_file(&file);
            }
            Err(error) => self.objections.push(format!("{name}: {error}")),
        }
    }
}

fn is_wdk(name: &str) -> bool {
    ["wdk", "wdk_sys", "wdk_alloc", "wdk_panic", "wdk_macros"].contains(&name)
}

/// First pass: imports, and the names they introduce.
struct Imports<'a> {
    uses: &'a mut Uses,
    file: &'a str,
    names: BTreeMap<String, String>,
}

impl Imports<'_> {
    fn object(&mut self, what: &str) {
        self.uses.objections.push(format!("{}: {what}", self.file));
    }

    fn import(&mut self, path: &str, local: &str) {
        self.uses.items.insert(path.to_owned());
        self.names.insert(local.to_owned(), path.to_owned());
    }

    /// `path` is what precedes `tree`, empty at the root.
    fn tree(&mut self, path: &str, tree: &syn::UseTree) {
        let join =
            |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") };
        let root = path.is_empty();
        match tree {
            syn::UseTree::Path(inner) => {
                let name = inner.ident.to_string();
                if !root || is_wdk(&name) {
                    self.tree(&join(&name), &inner.tree);
                }
            }
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.tree(path, item);
                }
            }
            syn::UseTree::Name(name) => self.leaf(path, &name.ident.to_string(), None),
            syn::UseTree::Rename(rename) => {
                self.leaf(path, &rename.ident.to_string(), Some(rename.rename.to_string()));
            }
            syn::UseTree::Glob(_) if root => {}
            syn::UseTree::Glob(_) => self.object("imports everything"),
        }
    }

    fn leaf(&mut self, path: &str, name: &str, local: Option<String>) {
        let whole = match (path, name) {
            ("", name) if is_wdk(name) => return self.object("imports a whole crate"),
            ("", _) => return,
            (path, "self") if is_wdk(path) => return self.object("imports a whole crate"),
            (path, "self") => path.to_owned(),
            (path, name) => format!("{path}::{name}"),
        };
        let last = whole.rsplit("::").next().unwrap_or_default().to_owned();
        self.import(&whole, &local.unwrap_or(last));
    }
}

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree("", &item.tree);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let name = item.ident.to_string();
        if is_wdk(&name) {
            if item.rename.is_some() {
                self.object("renames a crate");
            }
            self.uses.items.insert(name);
        }
    }
}

/// Second pass: paths, macros and fields.
struct Scan<'a> {
    uses: &'a mut Uses,
    file: &'a str,
    names: BTreeMap<String, String>,
}

impl Scan<'_> {
    fn object(&mut self, what: &str) {
        self.uses.objections.push(format!("{}: {what}", self.file));
    }

    /// Counts a path if it begins with a WDK crate or with something imported from one.
    fn path(&mut self, segments: &[String]) {
        let Some((first, rest)) = segments.split_first() else { return };
        let start =
            if is_wdk(first) { Some(first.clone()) } else { self.names.get(first).cloned() };
        if let Some(start) = start {
            let whole = rest.iter().fold(start, |path, segment| format!("{path}::{segment}"));
            self.uses.items.insert(whole);
        }
    }

    /// The tokens of a macro: they may be anything, so that anything like a path counts.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut index = 0;
        while index < tokens.len() {
            let (segments, next) = path_at(&tokens, index);
            match segments.last().map(String::as_str) {
                Some("use" | "extern") => self.object("a macro imports or declares"),
                Some("include") => self.object("includes a file"),
                Some(WDF_CALL) => self.framework_call(tokens.get(next + 1)),
                _ => {}
            }
            if segments.len() > 1 {
                self.path(&segments);
            }
            if let TokenTree::Group(group) = &tokens[index] {
                self.tokens(group.stream());
            }
            index = next.max(index + 1);
        }
    }

    /// `arguments` is what follows the macro's name and exclamation mark.
    fn framework_call(&mut self, arguments: Option<&TokenTree>) {
        let first = match arguments {
            Some(TokenTree::Group(group)) => group.stream().into_iter().next(),
            _ => None,
        };
        match first {
            Some(TokenTree::Ident(name)) => {
                self.uses.items.insert(name.to_string());
            }
            _ => self.object("calls a framework function that is not named on the spot"),
        }
    }
}

/// The path that begins at `index`, if one does, and where it ends.
fn path_at(tokens: &[TokenTree], index: usize) -> (Vec<String>, usize) {
    let ident = |index: usize| match tokens.get(index) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    };
    let colon = |index: usize| matches!(tokens.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    let mut segments: Vec<_> = ident(index).into_iter().collect();
    let mut next = index + segments.len();
    while !segments.is_empty() && colon(next) && colon(next + 1) {
        let Some(segment) = ident(next + 2) else { break };
        segments.push(segment);
        next += 3;
    }
    (segments, next)
}

impl<'ast> Visit<'ast> for Scan<'_> {
    // Imports have been read.
    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.path(&segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        let name = call.path.segments.last().map(|segment| segment.ident.to_string());
        match name.as_deref() {
            Some("include") => self.object("includes a file"),
            Some(WDF_CALL) => {
                let group = proc_macro2::Group::new(
                    proc_macro2::Delimiter::Parenthesis,
                    call.tokens.clone(),
                );
                self.framework_call(Some(&TokenTree::Group(group)));
            }
            _ => {}
        }
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("path") {
            self.object("takes a module from elsewhere");
        }
    }

    fn visit_foreign_item_fn(&mut self, item: &'ast syn::ForeignItemFn) {
        self.object(&format!("declares {} by hand", item.sig.ident));
    }

    fn visit_foreign_item_static(&mut self, item: &'ast syn::ForeignItemStatic) {
        let name = item.attrs.iter().find_map(link_name).unwrap_or(item.ident.to_string());
        if !name.starts_with("pagewise_") {
            self.uses.items.insert(name);
        }
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        let owner = literal.path.segments.last().map(|segment| segment.ident.to_string());
        let owner = owner.unwrap_or_default();
        if self.names.contains_key(&owner)
            || literal.path.segments.first().is_some_and(|first| is_wdk(&first.ident.to_string()))
        {
            for field in &literal.fields {
                if let syn::Member::Named(name) = &field.member {
                    self.uses.fields.insert((owner.clone(), name.to_string()));
                }
            }
        }
        visit::visit_expr_struct(self, literal);
    }

    fn visit_expr_field(&mut self, access: &'ast syn::ExprField) {
        // Rust's own fields begin with a small letter.
        if let syn::Member::Named(name) = &access.member
            && name.to_string().starts_with(|first: char| first.is_uppercase())
        {
            self.uses.fields.insert((String::new(), name.to_string()));
        }
        visit::visit_expr_field(self, access);
    }
}

fn link_name(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else {
        return None;
    };
    pair.path.is_ident("link_name").then(|| text.value())
}
