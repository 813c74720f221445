//! Parents and children.
//!
//! Every object has a [`Node`]; the nodes of a driver form a tree that is read and changed under
//! one lock, whose value is the [`Tree`]: who can name it holds the lock.

use core::cell::Cell;
use core::ptr::NonNull;

/// How far an object's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Alive: takes children, can be deleted.
    Live,
    /// Its children, then itself, are being cleaned up.
    Disposing,
    /// Cleaned up; it waits for its parent's end, or for its own deletion.
    Disposed,
    /// The reference that stands for its life is gone.
    Deleted,
}

type Link = Cell<Option<NonNull<Node>>>;

/// An object's place in the tree.
pub struct Node {
    state: Cell<State>,
    parent: Link,
    first_child: Link,
    last_child: Link,
    next: Link,
    previous: Link,
}

// SAFETY: the cells are used only through `Tree`, of which a driver has one, under a lock.
unsafe impl Sync for Node {}
// SAFETY: as above.
unsafe impl Send for Node {}

impl Node {
    /// A live node without relations.
    pub const fn new() -> Self {
        Self {
            state: Cell::new(State::Live),
            parent: Cell::new(None),
            first_child: Cell::new(None),
            last_child: Cell::new(None),
            next: Cell::new(None),
            previous: Cell::new(None),
        }
    }
}

/// The right to use the nodes of one driver: the value under its tree lock.
pub struct Tree(());

/// What becomes of an object that is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Dispose of it now: it is out of its parent's hands.
    Dispose,
    /// It was disposed of before: what is left is to drop it.
    Drop,
    /// Its parent, or another thread, is at it already.
    UnderWay,
}

impl Tree {
    /// The tree of a driver that has no objects so far.
    pub const fn new() -> Self {
        Self(())
    }

    /// How far the end of `node` has come.
    pub fn state(&self, node: &Node) -> State {
        node.state.get()
    }

    /// Notes how far it has come.
    pub fn set_state(&mut self, node: &Node, state: State) {
        node.state.set(state);
    }

    /// Its parent.
    pub fn parent(&self, node: &Node) -> Option<NonNull<Node>> {
        node.parent.get()
    }

    /// Makes `child` the last child of `parent`; `false` if the parent is no longer alive.
    ///
    /// `child` must have no parent, and must be detached before its memory goes.
    pub fn attach(&mut self, parent: &Node, child: &Node) -> bool {
        if parent.state.get() != State::Live {
            return false;
        }
        let entry = NonNull::from(child);
        let last = parent.last_child.replace(Some(entry));
        child.parent.set(Some(NonNull::from(parent)));
        child.previous.set(last);
        child.next.set(None);
        match last {
            // SAFETY: a child is detached before its memory goes.
            Some(last) => unsafe { last.as_ref() }.next.set(Some(entry)),
            None => parent.first_child.set(Some(entry)),
        }
        true
    }

    /// Takes `child` from its parent, if it has one.
    pub fn detach(&mut self, child: &Node) {
        let Some(parent) = child.parent.take() else { return };
        let (previous, next) = (child.previous.take(), child.next.take());
        // SAFETY: a parent's children are detached before its memory goes.
        let parent = unsafe { parent.as_ref() };
        match previous {
            // SAFETY: a child is detached before its memory goes.
            Some(previous) => unsafe { previous.as_ref() }.next.set(next),
            None => parent.first_child.set(next),
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { next.as_ref() }.previous.set(previous),
            None => parent.last_child.set(previous),
        }
    }

    /// The first child that is still in this state.
    pub fn first_child_in(&self, parent: &Node, state: State) -> Option<NonNull<Node>> {
        let mut child = parent.first_child.get();
        while let Some(entry) = child {
            // SAFETY: a child is detached before its memory goes.
            let node = unsafe { entry.as_ref() };
            if node.state.get() == state {
                return Some(entry);
            }
            child = node.next.get();
        }
        None
    }

    /// The first child of all.
    pub fn first_child(&self, parent: &Node) -> Option<NonNull<Node>> {
        parent.first_child.get()
    }

    /// The child after `node`.
    pub fn next_sibling(&self, node: &Node) -> Option<NonNull<Node>> {
        node.next.get()
    }

    /// Begins the deletion of `node` at its own request: of a live one it leaves the parent,
    /// which would else dispose of it a second time.
    pub fn begin_delete(&mut self, node: &Node) -> Deletion {
        match node.state.get() {
            State::Live if self.parent_is_ending(node) => Deletion::UnderWay,
            State::Live => {
                self.detach(node);
                node.state.set(State::Disposing);
                Deletion::Dispose
            }
            State::Disposed if self.parent_is_ending(node) => Deletion::UnderWay,
            State::Disposed => {
                self.detach(node);
                node.state.set(State::Deleted);
                Deletion::Drop
            }
            State::Disposing | State::Deleted => Deletion::UnderWay,
        }
    }

    fn parent_is_ending(&self, node: &Node) -> bool {
        // SAFETY: a parent's children are detached before its memory goes.
        node.parent
            .get()
            .is_some_and(|parent| unsafe { parent.as_ref() }.state.get() != State::Live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn children(tree: &Tree, parent: &Node) -> Vec<*const Node> {
        let mut found = Vec::new();
        let mut child = tree.first_child(parent);
        while let Some(entry) = child {
            found.push(entry.as_ptr().cast_const());
            // SAFETY: nodes of a test outlive its tree.
            child = tree.next_sibling(unsafe { entry.as_ref() });
        }
        found
    }

    #[test]
    fn children_keep_the_order_of_their_creation() {
        let (parent, a, b, c) = (Node::new(), Node::new(), Node::new(), Node::new());
        let mut tree = Tree::new();
        for child in [&a, &b, &c] {
            assert!(tree.attach(&parent, child));
        }
        assert_eq!(children(&tree, &parent), [&raw const a, &raw const b, &raw const c]);
        tree.detach(&b);
        assert_eq!(children(&tree, &parent), [&raw const a, &raw const c]);
        assert!(tree.parent(&b).is_none());
        tree.detach(&c);
        tree.detach(&a);
        assert!(children(&tree, &parent).is_empty());
        assert!(tree.attach(&parent, &b));
        assert_eq!(children(&tree, &parent), [&raw const b]);
    }

    #[test]
    fn a_parent_that_ends_takes_no_children() {
        let (parent, child) = (Node::new(), Node::new());
        let mut tree = Tree::new();
        tree.set_state(&parent, State::Disposing);
        assert!(!tree.attach(&parent, &child));
        assert!(tree.parent(&child).is_none());
    }

    #[test]
    fn a_live_object_that_is_deleted_leaves_its_parent_first() {
        let (parent, child) = (Node::new(), Node::new());
        let mut tree = Tree::new();
        assert!(tree.attach(&parent, &child));
        assert_eq!(tree.begin_delete(&child), Deletion::Dispose);
        assert!(children(&tree, &parent).is_empty());
        assert_eq!(tree.begin_delete(&child), Deletion::UnderWay, "deleted twice");
    }

    #[test]
    fn while_the_parent_ends_the_child_is_left_to_it() {
        let (parent, child) = (Node::new(), Node::new());
        let mut tree = Tree::new();
        assert!(tree.attach(&parent, &child));
        assert_eq!(tree.begin_delete(&parent), Deletion::Dispose);
        assert_eq!(tree.begin_delete(&child), Deletion::UnderWay);
        tree.set_state(&child, State::Disposed);
        assert_eq!(tree.begin_delete(&child), Deletion::UnderWay);
        assert_eq!(children(&tree, &parent), [&raw const child], "still the parent's");
    }

    #[test]
    fn what_was_disposed_of_early_is_only_dropped() {
        let node = Node::new();
        let mut tree = Tree::new();
        tree.set_state(&node, State::Disposed);
        assert_eq!(tree.begin_delete(&node), Deletion::Drop);
        assert_eq!(tree.state(&node), State::Deleted);
    }

    #[test]
    fn children_are_found_by_state() {
        let (parent, a, b) = (Node::new(), Node::new(), Node::new());
        let mut tree = Tree::new();
        assert!(tree.attach(&parent, &a) && tree.attach(&parent, &b));
        tree.set_state(&a, State::Disposed);
        assert_eq!(tree.first_child_in(&parent, State::Live), Some(NonNull::from(&b)));
        tree.set_state(&b, State::Disposed);
        assert_eq!(tree.first_child_in(&parent, State::Live), None);
    }
}
