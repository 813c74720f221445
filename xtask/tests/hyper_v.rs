//! The Hyper-V module against PowerShell's grammar and the rules that matter before anybody runs it.
//! PSScriptAnalyzer, which needs PowerShell, looks at it in the workflow.

use std::path::{Path, PathBuf};

use tree_sitter::{Node, Parser};

fn module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vm/hyper-v/Pagewise.HyperV.psm1")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the module can be read")
}

/// What is broken, in words.
fn broken(text: &str) -> Vec<String> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_powershell::LANGUAGE.into())
        .expect("the grammar fits the parser");
    let tree = parser.parse(text, None).expect("no time limit is set");
    let mut found = Vec::new();
    walk(tree.root_node(), &mut |node| {
        if node.is_error() || node.is_missing() {
            found.push(format!("line {}: no PowerShell", node.start_position().row + 1));
        }
        if node.kind() == "function_statement" {
            function(node, text, &mut found);
        }
        if node.kind() == "command_name" && ALIASES.contains(&words(node, text)) {
            found.push(format!("{} is an alias", words(node, text)));
        }
    });
    found
}

/// Short names that PSScriptAnalyzer would have in full.
const ALIASES: &[&str] = &["cp", "rm", "ls", "cat", "echo", "sleep", "?", "%", "select", "where"];

/// Verbs of learn.microsoft.com/powershell/scripting/developer/cmdlet/approved-verbs-for-windows-powershell-commands
/// that change nothing.
const HARMLESS: &[&str] = &["Get", "Test", "Resolve"];
const CHANGING: &[&str] = &["New", "Invoke", "Save", "Remove", "Set"];

fn function(node: Node<'_>, text: &str, found: &mut Vec<String>) {
    let body = words(node, text);
    let name = body.split_whitespace().nth(1).unwrap_or_default();
    let verb = name.split('-').next().unwrap_or_default();
    if !HARMLESS.contains(&verb) && !CHANGING.contains(&verb) {
        found.push(format!("{name} begins with no approved verb"));
    }
    if CHANGING.contains(&verb) {
        for wanted in ["SupportsShouldProcess", "$PSCmdlet.ShouldProcess("] {
            if !body.contains(wanted) {
                found.push(format!("{name} changes something without {wanted}"));
            }
        }
    }
}

fn words<'a>(node: Node<'_>, text: &'a str) -> &'a str {
    &text[node.byte_range()]
}

fn walk(node: Node<'_>, visit: &mut impl FnMut(Node<'_>)) {
    visit(node);
    for child in node.children(&mut node.walk()) {
        walk(child, visit);
    }
}

#[test]
fn the_module_is_powershell_and_asks_before_it_changes_anything() {
    assert_eq!(broken(&read(&module())), Vec::<String>::new());
    assert_eq!(broken(&read(&module().with_extension("psd1"))), Vec::<String>::new());
}

#[test]
fn the_workflow_has_it_analysed() {
    let workflow = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows/ci.yml");
    assert!(read(&workflow).contains("Invoke-ScriptAnalyzer vm/hyper-v"));
}

#[test]
fn each_rule_has_a_twin() {
    let good = read(&module());
    let twins = [
        ("function New-PagewiseMachine {", "function New-PagewiseMachine {{", "no PowerShell"),
        ("function New-PagewiseMachine", "function Make-PagewiseMachine", "no approved verb"),
        ("$PSCmdlet.ShouldProcess($Path,", "$PSCmdlet.Would($Path,", "without $PSCmdlet"),
        ("[CmdletBinding(SupportsShouldProcess)]", "[CmdletBinding()]", "without SupportsShould"),
        ("Start-Sleep -Seconds 2", "sleep 2", "sleep is an alias"),
    ];
    for (from, to, word) in twins {
        let twin = good.replacen(from, to, 1);
        assert_ne!(good, twin, "{from} is not in the module");
        let found = broken(&twin);
        assert!(found.iter().any(|what| what.contains(word)), "{to}: {found:?}");
    }
}

#[test]
fn what_is_exported_is_what_the_manifest_lists_and_every_one_has_help() {
    let text = read(&module());
    let manifest = read(&module().with_extension("psd1"));
    let exported = text.split("Export-ModuleMember -Function").nth(1).unwrap();
    let exported: Vec<_> = exported.split([',', ' ', '\n']).filter(|it| !it.is_empty()).collect();
    assert_eq!(exported.len(), 4);
    for name in exported {
        assert!(manifest.contains(&format!("'{name}'")), "{name}");
        let after = text.split(&format!("function {name} {{")).nth(1).unwrap();
        assert!(after.trim_start().starts_with("<#\n    .SYNOPSIS"), "{name} has no help");
        assert!(after.contains(&format!(".EXAMPLE\n    {name} ")), "{name} has no example");
    }
}
