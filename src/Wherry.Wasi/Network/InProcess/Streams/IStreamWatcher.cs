namespace Wherry.Wasi.Network.InProcess.Streams;

/// <summary>Told that something may have changed at an end of a stream: it then looks at what. Any thread may tell it.</summary>
internal interface IStreamWatcher
{
    void OnStreamChanged();
}
