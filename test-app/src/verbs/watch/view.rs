//! What the screen of `watch` shows.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Paragraph;

use super::Look;
use crate::map::{Glyphs, Line as MapLine, Role, body, legend};
use crate::snapshot::Mark;

/// Draws a look, what was last said, and the keys.
pub(super) fn draw(frame: &mut Frame<'_>, look: &Look, message: &str, lab: bool) {
    let width = frame.area().width.into();
    let legend = legend(width, Glyphs::Blocks);
    // A low screen cuts the map, never what its signs mean.
    let legend_height = u16::try_from(legend.len()).unwrap_or(u16::MAX);
    let [map, signs, counters, said, keys] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(legend_height),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let body = body(&look.snapshot, width, Glyphs::Blocks);
    frame.render_widget(text(body), map);
    frame.render_widget(text(legend), signs);
    frame.render_widget(Paragraph::new(counted(look)), counters);
    frame.render_widget(Paragraph::new(message.to_owned()).style(Color::Yellow), said);
    let trim = if lab { "t trim  e evict  " } else { "" };
    let help = format!("p page  r reset  {trim}q quit");
    frame.render_widget(Paragraph::new(help).style(Modifier::DIM), keys);
}

fn counted(look: &Look) -> String {
    let state = look.snapshot.state;
    let mut text = format!("paged {} times, reset {}", state.page_calls, state.reset_calls);
    if let Some(counters) = look.counters {
        text += &format!(
            "; faults: {} soft, {} hard; {} trims",
            counters.soft_faults, counters.hard_faults, counters.trims
        );
    }
    text
}

fn text(lines: Vec<MapLine>) -> Paragraph<'static> {
    Paragraph::new(lines.into_iter().map(line).collect::<Text<'_>>())
}

fn line(line: MapLine) -> Line<'static> {
    line.into_iter().map(|span| Span::styled(span.text, style(span.role))).collect()
}

fn style(role: Role) -> Style {
    match role {
        Role::Plain => Style::new(),
        Role::Name => Style::new().add_modifier(Modifier::BOLD),
        Role::Quiet => Style::new().add_modifier(Modifier::DIM),
        Role::Policy(Mark::Pageable) => Style::new().fg(Color::Yellow),
        Role::Policy(Mark::Resident) | Role::Seen(Some(true)) => Style::new().fg(Color::Green),
        Role::Policy(Mark::Locked) => Style::new().fg(Color::Magenta),
        Role::Policy(Mark::Discarded) => Style::new().fg(Color::Gray).add_modifier(Modifier::DIM),
        Role::Seen(Some(false)) => Style::new().fg(Color::Blue),
        Role::Seen(None) => Style::new().fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use pagewise_lab_wire::Counters;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::map::sample;

    fn screen(look: &Look, lab: bool) -> String {
        screen_of(look, lab, 36)
    }

    fn screen_of(look: &Look, lab: bool, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(80, height)).unwrap();
        terminal.draw(|frame| draw(frame, look, "12 pages moved", lab)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn screen_of_the_lab() {
        let counters =
            Counters { soft_faults: 3, hard_faults: 41, trims: 2, ..Counters::default() };
        let look = Look { snapshot: sample::paged_entire(), counters: Some(counters) };
        insta::assert_snapshot!(screen(&look, true));
    }

    #[test]
    fn a_low_screen_keeps_the_legend() {
        let look = Look { snapshot: sample::locked(), counters: None };
        let screen = screen_of(&look, false, 10);
        assert!(screen.contains("L locked") && screen.contains("? unknown"), "{screen}");
    }

    #[test]
    fn what_only_the_lab_can_is_not_offered_elsewhere() {
        let look = Look { snapshot: sample::locked(), counters: None };
        let screen = screen(&look, false);
        assert!(!screen.contains("trim") && !screen.contains("faults"), "{screen}");
    }
}
