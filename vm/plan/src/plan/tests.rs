use super::*;

#[test]
fn the_built_in_plans_are_sound_and_survive_a_file() {
    let plans = Plan::all_built_in();
    assert_eq!(plans.len(), 8);
    for plan in &plans {
        plan.check().unwrap();
        assert_eq!(&Plan::read(plan.write().as_bytes()).unwrap(), plan);
    }
    let names: BTreeSet<_> = plans.iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!(names.len(), plans.len());
}

#[test]
fn what_they_change_they_undo_whatever_happens() {
    for plan in Plan::all_built_in() {
        let has = |wanted: fn(&Action) -> bool| plan.steps.iter().any(|step| wanted(&step.action));
        let undone = |wanted: fn(&Action) -> bool| {
            plan.steps.iter().any(|step| step.always && wanted(&step.action))
        };
        assert!(undone(|action| matches!(action, Action::Uninstall)));
        assert!(undone(|action| matches!(action, Action::Collect)));
        if has(|action| matches!(action, Action::DriverVerifier { .. })) {
            assert!(undone(|action| matches!(action, Action::ResetVerifier)));
        }
        if has(|action| matches!(action, Action::MemoryIntegrity { on: true, .. })) {
            assert!(undone(|action| matches!(action, Action::MemoryIntegrity { on: false, .. })));
        }
    }
}

/// The plain plan with one thing changed.
fn changed(change: impl FnOnce(&mut Plan)) -> Result<(), PlanError> {
    let mut plan = Plan::plain();
    change(&mut plan);
    plan.check()
}

#[test]
fn what_cannot_be_run_is_refused() {
    let id = || "install".to_owned();
    assert_eq!(changed(|plan| plan.version = 2), Err(PlanError::Version(2)));
    assert_eq!(changed(|plan| plan.steps.clear()), Err(PlanError::Steps(0)));
    assert_eq!(changed(|plan| plan.most_boots = 0), Err(PlanError::Boots(0)));
    assert_eq!(changed(|plan| plan.most_boots = 33), Err(PlanError::Boots(33)));
    assert_eq!(
        changed(|plan| plan.steps[0].id = "../x".to_owned()),
        Err(PlanError::Name("../x".to_owned()))
    );
    assert_eq!(changed(|plan| plan.steps[4].id = id()), Err(PlanError::Twice(id())));
    assert_eq!(changed(|plan| plan.steps[3].limit_seconds = 0), Err(PlanError::Limit(id())));
    let need = |need: &str| PlanError::Need { step: id(), need: need.to_owned() };
    for later in ["doctor", "install", "nothing"] {
        let result = changed(|plan| plan.steps[3].needs.push(later.to_owned()));
        assert_eq!(result, Err(need(later)));
    }
    let label = Action::Verify { label: r"..\x".to_owned() };
    assert!(changed(|plan| plan.steps[5].action = label).is_err());
}

#[test]
fn a_file_of_another_form_is_refused_with_the_reason() {
    let read = |text: &str| Plan::read(text.as_bytes()).unwrap_err();
    assert_eq!(read(r#"{"version":7,"new":1}"#), PlanError::Version(7));
    assert!(matches!(read("\0"), PlanError::Form(_)));
    assert!(matches!(read("{}"), PlanError::Form(_)));
    let odd = Plan::plain().write().replacen("\"name\"", "\"nick\"", 1);
    assert!(read(&odd).to_string().contains("nick"));
}
