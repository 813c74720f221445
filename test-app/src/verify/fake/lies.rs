//! The ways in which the fake is not what it should be.

/// What is wrong with the fake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    // Handshake.
    OtherMajor,
    OtherKmdf,
    GapInSections,
    ConstantData,
    // Paging.
    NeverPaged,
    StartsAsLinked,
    OtherBase,
    ResetDoesNothing,
    ResetBringsAllIn,
    ResetPinsAll,
    SecondPageUndoes,
    PagingTakesOut,
    CountsTwice,
    LosesModified,
    RaisesIrql,
    VerifierIsOff,
    /// No lie: force IRQL checking that nobody can turn off.
    EvictsByItself,
    // Residency.
    AlwaysResident,
    AskingTouches,
    RangesFromZero,
    StrayBits,
    // Witness.
    CountIsDeaf,
    ResidentIsDeaf,
    // Content.
    BadConstant,
    LosesText,
    CallsNothing,
    WriteTouchSpoils,
    OnlyHardFaults,
    // Locks.
    LockHoldsNothing,
    LocksAreBoolean,
    AcceptsOverUnlock,
    LocksWhilePaged,
    LocksAnything,
    NoLimit,
    // Input.
    AcceptsShort,
    AcceptsLong,
    AcceptsNoRoom,
    PadsAnswers,
    AcceptsUnknown,
    AcceptsEmptyRanges,
    OtherStatus,
    ChangesOnFailure,
    ForgetsOddFills,
    // Access.
    ReadersMayChange,
    WritersMayAsk,
    UsersMayOpen,
    LeaksBase,
    // Concurrency.
    CountsBackwards,
    CancelTears,
    CloseLeavesLock,
    // Teardown.
    DiesWithoutReset,
    NoResetOnRemoval,
    StaysThere,
    AnswersOnceGone,
    RebalanceForgetsPaging,
    KeepsLocks,
    FailedStartStays,
    StaysLoaded,
    KeepsOldPages,
    LeaksPool,
    FrameworkGrows,
    WearsOut,
    VetoesAndGoes,
    // Any.
    NeverAnswers,
}
